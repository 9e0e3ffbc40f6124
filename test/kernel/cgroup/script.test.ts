import { ownRuntime, startHelper } from './helperProcess.js';
import { testScripts } from './scripts.js';

testScripts('v1', (t) => startHelper(t, { environment: ownRuntime }));

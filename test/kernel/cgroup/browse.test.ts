import { testBrowsing } from './browsing.js';
import { ownRuntime, startHelper } from './helperProcess.js';

testBrowsing(1, (t) => startHelper(t, { environment: ownRuntime }));

import { ownRuntime, startHelper } from './helperProcess.js';
import { testKnobs } from './knobs.js';

testKnobs(1, (t, options) => startHelper(t, { ...options, environment: ownRuntime }));

import { ownRuntime, startHelper } from './helperProcess.js';
import { testKnobs } from './knobs.js';

testKnobs(1, (t) => startHelper(t, { environment: ownRuntime }));

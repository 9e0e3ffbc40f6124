import { ownRuntime, startHelper } from './helperProcess.js';
import { testStatistics } from './statistics.js';

testStatistics('v1', (t) => startHelper(t, { environment: ownRuntime }));

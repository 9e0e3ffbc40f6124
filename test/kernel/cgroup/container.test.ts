import { testContainers } from './containers.js';
import { ownRuntime, startHelper } from './helperProcess.js';

testContainers('v1', (t) => startHelper(t, { environment: ownRuntime }));

import { testBrowsing } from '../kernel/cgroup/browsing.js';
import { startHelper } from '../kernel/cgroup/helperProcess.js';

testBrowsing(2, (t) => startHelper(t));

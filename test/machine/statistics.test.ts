import { startHelper } from '../kernel/cgroup/helperProcess.js';
import { testStatistics } from '../kernel/cgroup/statistics.js';

// The user's own runtime folder: there systemd is asked for a delegated unit, as on a desktop.
testStatistics('v2', (t) => startHelper(t));

import { testContainers } from '../kernel/cgroup/containers.js';
import { startHelper } from '../kernel/cgroup/helperProcess.js';

// The user's own runtime folder: there systemd is asked for a delegated unit, as on a desktop.
testContainers('v2', (t) => startHelper(t));

import { startHelper } from '../kernel/cgroup/helperProcess.js';
import { testKnobs } from '../kernel/cgroup/knobs.js';

// The user's own runtime folder: there systemd is asked for a delegated unit, as on a desktop.
testKnobs(2, startHelper);

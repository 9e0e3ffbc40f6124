import { startHelper } from '../kernel/cgroup/helperProcess.js';
import { testScripts } from '../kernel/cgroup/scripts.js';

// In a login session, whose groups are root's, a process is moved to a group of the user's own by systemd.
testScripts('v2', (t) => startHelper(t), ['systemd-run', '--user', '--scope', '--quiet']);

import { testGroups } from '../kernel/groups/behaviour.js';

// The user's own runtime folder: there systemd is asked for a delegated unit, as on a desktop.
testGroups('v2', true);

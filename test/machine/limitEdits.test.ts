import { testEdits } from '../kernel/limits/edits.js';
import { LimitsBed } from '../kernel/limits/limitsBed.js';
import { testTargets } from '../kernel/limits/targets.js';

// The user's own runtime folder: there systemd is asked for a delegated unit, as on a desktop.
const bed = new LimitsBed('user');
testEdits(bed);
testTargets(bed);

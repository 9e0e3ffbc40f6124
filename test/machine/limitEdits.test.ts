import { testEdits } from '../kernel/limits/edits.js';
import { LimitsBed } from '../kernel/limits/limitsBed.js';

// The user's own runtime folder: there systemd is asked for a delegated unit, as on a desktop.
testEdits(new LimitsBed('user'));

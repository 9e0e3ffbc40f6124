import { LimitsBed } from '../kernel/limits/limitsBed.js';
import { testTargets } from '../kernel/limits/targets.js';

testTargets(new LimitsBed('user'));

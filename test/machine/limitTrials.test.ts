import { LimitsBed } from '../kernel/limits/limitsBed.js';
import { testTrials } from '../kernel/limits/trials.js';

testTrials(new LimitsBed('user'));

import { LimitsBed } from './limitsBed.js';
import { testTrials } from './trials.js';

testTrials(new LimitsBed('own'));

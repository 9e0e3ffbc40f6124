import { LimitsBed } from './limitsBed.js';
import { testTargets } from './targets.js';

testTargets(new LimitsBed('own'));

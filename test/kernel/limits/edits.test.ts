import { testEdits } from './edits.js';
import { LimitsBed } from './limitsBed.js';

testEdits(new LimitsBed('own'));

import { testEdits } from './edits.js';

testEdits('own');

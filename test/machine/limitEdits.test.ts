import { testEdits } from '../kernel/limits/edits.js';

testEdits('user');

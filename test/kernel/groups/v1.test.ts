import { testGroups } from './behaviour.js';

testGroups('v1', false);

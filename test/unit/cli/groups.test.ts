import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupTable } from '../../../cli/groups.js';

test('groups are told with their containers by name; those that are gone meanwhile are left out', () => {
  const text = groupTable(
    [
      { name: 'lab', containers: ['a', 'b', 'c'], live: true },
      { name: 'web', containers: [], live: false },
    ],
    [
      { id: 'a', name: 'one' },
      { id: 'c', name: 'three' },
    ],
  );
  assert.deepEqual(
    text.split('\n').map((line) => line.trimEnd()),
    ['GROUP  STATE        CONTAINERS', 'lab    running      one, three', 'web    not running'],
  );
});

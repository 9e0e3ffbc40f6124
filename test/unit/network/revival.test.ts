import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pauseBefore } from '../../../helper/network/revival.js';

test('a way out comes back after pauses that grow, five times within five minutes', () => {
  const now = 1_000_000_000;
  const pauses: (number | undefined)[] = [];
  for (let count = 0; count < 7; count++) {
    pauses.push(
      pauseBefore(
        Array.from({ length: count }, (_, index) => now - index * 1000),
        now,
      ),
    );
  }
  assert.deepEqual(pauses, [100, 300, 900, 2700, 8100, undefined, undefined]);
});

test('what was long ago does not count', () => {
  const now = 1_000_000_000;
  const longAgo = Array.from({ length: 9 }, () => now - 5 * 60_000);
  assert.equal(pauseBefore(longAgo, now), 100);
  assert.equal(pauseBefore([...longAgo, now - 1], now), 300);
});

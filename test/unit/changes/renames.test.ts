import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candidates, type MovedFile, unambiguous } from '../../../helper/changes/renames.js';

const file = (path: string, size = 1n, mtimeNs = 1n): MovedFile => ({ path, size, mtimeNs });
const paths = (pairs: ReturnType<typeof candidates>) => pairs.map(({ from, to }) => `${from.path} ${to.path}`);

test('size and time must be the same', () => {
  const deleted = [file('/a'), file('/b', 2n), file('/c', 1n, 2n)];
  assert.deepEqual(paths(candidates([file('/x')], deleted)), ['/a /x']);
  assert.deepEqual(candidates([file('/x', 9n)], deleted), []);
});

test('files that are alike in crowds are not compared', () => {
  const many = Array.from({ length: 17 }, (_, index) => file(`/f${index}`));
  assert.deepEqual(candidates([file('/x')], many), []);
  assert.deepEqual(candidates(many, [file('/x')]), []);
});

test('who might be two is nobody', () => {
  const [a, b, x, y] = [file('/a'), file('/b'), file('/x'), file('/y')];
  assert.deepEqual(paths(unambiguous([{ from: a, to: x }])), ['/a /x']);
  assert.deepEqual(
    unambiguous([
      { from: a, to: x },
      { from: b, to: x },
    ]),
    [],
  );
  assert.deepEqual(
    unambiguous([
      { from: a, to: x },
      { from: a, to: y },
    ]),
    [],
  );
  assert.deepEqual(
    paths(
      unambiguous([
        { from: a, to: x },
        { from: b, to: y },
      ]),
    ),
    ['/a /x', '/b /y'],
  );
});

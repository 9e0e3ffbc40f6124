import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hitsIn, searchPattern } from '../../../extension/files/searchText.js';

describe('a search', () => {
  it('takes text as it is typed, and distinguishes case only with capital letters', () => {
    assert.deepEqual(
      hitsIn('a.b\nA.B\naxb', searchPattern('a.b')).map(({ line }) => line),
      [0, 1],
    );
    assert.deepEqual(
      hitsIn('a.b\nA.B', searchPattern('A.B')).map(({ line }) => line),
      [1],
    );
    assert.equal(hitsIn('x (y) [z] {1} $|^*+?\\', searchPattern('(y) [z] {1} $|^*+?\\')).length, 1);
  });

  it('takes what stands between slashes for an expression', () => {
    assert.deepEqual(hitsIn('root:x:0:0\nlp:x:7:7', searchPattern('/^\\w+:x:0/')), [
      { line: 0, column: 0, length: 8, text: 'root:x:0:0' },
    ]);
    assert.throws(() => searchPattern('/(/'), SyntaxError);
    assert.equal(hitsIn('a/b', searchPattern('a/b')).length, 1);
  });

  it('leaves out lines that nobody wrote, and stops at many in one file', () => {
    assert.equal(hitsIn('x'.repeat(2001), searchPattern('x')).length, 0);
    assert.equal(hitsIn('x\n'.repeat(10_000), searchPattern('x')).length, 20);
    assert.equal(hitsIn('abc', searchPattern('/x*/')).length, 0, 'nothing found is no hit');
  });
});

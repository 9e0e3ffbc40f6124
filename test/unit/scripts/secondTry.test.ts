import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filesToRepeat } from '../../../scripts/test/secondTry.mjs';

const files = ['one', 'two', 'three', 'four'].map((name) => `dist/test/kernel/${name}.test.cjs`);
const result = (outcome: 'passed' | 'failed', name?: string) => ({
  name: 'a test',
  outcome,
  ...(name !== undefined && { file: `/var/tmp/tree/dist/test/kernel/${name}.test.cjs` }),
});
const ended = 'node ended with status 1';

describe('files that get a second try', () => {
  it('are those that failed, when they are one or two', () => {
    const results = [
      result('passed', 'two'),
      result('failed', 'one'),
      result('failed', 'four'),
      result('failed', 'one'),
    ];
    assert.deepEqual(filesToRepeat(files, results, ended), [files[0], files[3]]);
  });

  it('are none when all is well, when three failed, and when it is not known which ones did', () => {
    assert.deepEqual(filesToRepeat(files, [result('passed', 'one')], ''), []);
    assert.deepEqual(
      filesToRepeat(
        files,
        ['one', 'two', 'three'].map((name) => result('failed', name)),
        ended,
      ),
      [],
    );
    assert.deepEqual(filesToRepeat(files, [result('failed', 'one'), result('failed')], ended), []);
    assert.deepEqual(filesToRepeat(files, [result('passed', 'one')], ended), [], 'ended badly without a failed test');
    assert.deepEqual(filesToRepeat(files, [], ended), []);
  });

  it('are the only one that ran, however it failed', () => {
    const [only = ''] = files;
    assert.deepEqual(filesToRepeat([only], [], ended), [only]);
    assert.deepEqual(filesToRepeat([only], [], ''), [only], 'it ran no test');
    assert.deepEqual(filesToRepeat([only], [result('failed')], ended), [only]);
    assert.deepEqual(filesToRepeat([only], [result('passed', 'one')], ''), []);
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { test } from 'node:test';

const folder = path.resolve(__dirname, '../../../../native/stage');
const missing = ['make', 'gcc'].find((tool) => spawnSync(tool, ['--version']).error !== undefined);
const options = missing === undefined ? {} : { skip: `${missing} is not installed` };

test('decoder, ledger and parsers hold under the sanitizers', options, () => {
  const { status, stdout, stderr } = spawnSync('make', ['-C', folder, 'test'], { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
});

test('the program reports the hash of the sources it was made from', options, () => {
  const { status, stdout, stderr } = spawnSync('make', ['-C', folder, 'check-version'], { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';

const root = path.resolve(__dirname, '../../../..');
const check = (folder: string) =>
  spawnSync(process.execPath, [path.join(folder, 'scripts/generate.mjs'), '--check'], { encoding: 'utf8' });

test('the decoder’s header is the one the steps make', () => {
  const { status, stderr } = check(root);
  assert.equal(status, 0, stderr);
});

test('a step that changes is noticed', () => {
  const copy = mkdtempSync(path.join(tmpdir(), 'generated-'));
  try {
    for (const file of ['scripts/generate.mjs', 'helper/plan/step.ts', 'native/stage/steps.generated.h']) {
      mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
      copyFileSync(path.join(root, file), path.join(copy, file));
    }
    symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
    assert.equal(check(copy).status, 0);
    const steps = path.join(copy, 'helper/plan/step.ts');
    const changed = readFileSync(steps, 'utf8').replace("path: 'string', mode: 'u32'", "path: 'string', mode: 'u64'");
    writeFileSync(steps, changed);
    assert.equal(check(copy).status, 1);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});

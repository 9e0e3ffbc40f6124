import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';

// From dist/test/unit/doctor to the checkout.
const text = readFileSync(path.resolve(__dirname, '../../../../docs/doctor.md'), 'utf8');
const source = readFileSync(path.resolve(__dirname, '../../../../helper/doctor/doctor.ts'), 'utf8');

test('every line of the doctor has its place in docs/doctor.md', () => {
  const written = [...source.matchAll(/id: '([a-z-]+)'|attemptLine\(\s*'([a-z-]+)'/g)].map(
    (match) => match[1] ?? match[2],
  );
  const ids = [...written, ...['memory', 'pids', 'cpu', 'freezer'].map((name) => `cgroup-${name}`)];
  assert.ok(ids.length >= 16, ids.join());
  for (const id of ids) assert.ok(text.includes(`\n## ${id}\n`), `${id} has a heading`);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { describeWhole, makeBed, run } from './bed.js';

const cache = process.env.TERRARIUM_TEST_CACHE ?? '/var/cache/terrarium-test';
const seconds = 1000;

/** A Debian as a tar, made once; or why there is none. */
function debian(): { tar: string } | { reason: string } {
  if (process.getuid?.() !== 0) return { reason: 'only root can keep a Debian between runs' };
  const tar = path.join(cache, 'minbase-bookworm.tar');
  if (existsSync(tar)) return { tar };
  if (spawnSync('mmdebstrap', ['--version']).status !== 0) return { reason: 'mmdebstrap is not installed' };
  mkdirSync(cache, { recursive: true });
  const unfinished = `${tar}.${process.pid}`;
  const made = spawnSync('mmdebstrap', ['--mode=root', '--variant=minbase', '--format=tar', 'bookworm', unfinished], {
    encoding: 'utf8',
    timeout: 240 * seconds,
  });
  if (made.status !== 0) {
    rmSync(unfinished, { force: true });
    return { reason: `no mirror of Debian answers: ${made.error?.message ?? made.stderr.trim().split('\n').at(-1)}` };
  }
  renameSync(unfinished, tar);
  return { tar };
}

function debianOrSkip(t: TestContext): string | undefined {
  const made = debian();
  if ('tar' in made) return made.tar;
  t.skip(made.reason);
  return undefined;
}

test('a Debian has the tree that GNU tar makes of it, and its size says what it takes', async (t) => {
  const tar = debianOrSkip(t);
  if (tar === undefined) return;
  const { work, store } = makeBed(t);
  const expected = path.join(work, 'expected');
  mkdirSync(expected);
  const file = path.join(work, 'debian.tar.zst');
  run('direct', ['sh', '-c', 'zstd -q -1 < "$1" > "$2"', 'sh', tar, file]);
  // Nodes of /dev are the one thing that is left out.
  run('direct', [
    'tar',
    '--xattrs',
    '--xattrs-include=*',
    '--exclude=./dev/*',
    '--numeric-owner',
    '-xpf',
    tar,
    '-C',
    expected,
  ]);
  run('direct', [
    'sh',
    '-c',
    'cd "$1" && tar -xpf "$2" --wildcards "./dev/*" 2>/dev/null; find dev ! -type d \\( -type b -o -type c \\) -delete',
    'sh',
    expected,
    tar,
  ]);
  const { notes, sizeBytes } = await store.import({ file, name: 'debian' });
  const tree = (await store.resolve('debian')).layers[0] ?? '';
  const wanted = describeWhole('direct', expected).filter((line) => !/^d .* dev$/.test(line));
  assert.ok(wanted.length > 5000, 'a whole Debian');
  assert.deepEqual(
    describeWhole('direct', tree).filter((line) => !/^d .* dev$/.test(line)),
    wanted,
  );
  assert.deepEqual(
    notes.map((note) => /device nodes/.test(note)),
    [true],
  );
  assert.ok(sizeBytes > 100e6 && sizeBytes < 400e6, `${sizeBytes}`);
});

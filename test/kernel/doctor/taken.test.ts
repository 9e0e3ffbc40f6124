/** Something is taken away from the doctor's surroundings, and it must say so: what, the errno, and how to get it back. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { findProgram } from '../../../helper/doctor/programs.js';
import * as protocol from '../../../helper/protocol/index.js';
import { readIdentity } from '../../../helper/zygote/identity.js';
import { assertNothingLeft, examine, surroundedBy } from './support.js';

const isRoot = process.getuid?.() === 0;

/** A folder that is gone after the test. */
function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-taken-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('user namespaces, by their limit', async (t) => {
  // The limit is one of the user namespace: in one of our own we may set it.
  const { line, helper, data } = await examine(t, {
    wrap: surroundedBy('echo 0 > /proc/sys/user/max_user_namespaces'),
  });
  assert.equal(line('user-namespace').verdict, 'missing');
  assert.equal(line('user-namespace').errno, 'ENOSPC');
  assert.match(line('user-namespace').tried, /not about disk space: user\.max_user_namespaces is 0/);
  assert.match(line('user-namespace').command ?? '', /user\.max_user_namespaces = 15000/);
  assert.equal(line('switches').verdict, 'missing');
  assert.match(line('overlay').tried, /Not tried/);
  // What needs no namespace still works.
  for (const id of ['kernel', 'data-folder', 'inotify'] as const) assert.equal(line(id).verdict, 'works', id);
  await assertNothingLeft(data);

  // Operations that fail for the same reason say where to look.
  await assert.rejects(
    helper.sendRequest(protocol.RunContainer, { specification: { root: { kind: 'host' }, args: ['true'] } }),
    (error: { data?: protocol.ErrorData }) => error.data?.doctor === 'switches' && error.data.errno === 'ENOSPC',
  );
});

/** Where unshare(2) and clone(2) are told apart by their numbers, and what a namespace of a user is asked for with. */
const unshareNumber = process.arch === 'arm64' ? 97 : 272;
/** Refuses unshare(2) with EPERM, as the profiles of container engines do. */
const refusesUnshare = [
  [0x20, 0, 0, 0],
  [0x15, 0, 1, unshareNumber],
  [0x06, 0, 0, 0x00050001],
  [0x06, 0, 0, 0x7fff0000],
];
/** A program that loads the filter and executes the helper as its child, which inherits it. */
const underFilter = `
const koffi = require(process.argv[1]);
const libc = koffi.load('libc.so.6');
koffi.struct('sock_fprog', { len: 'ushort', filter: 'void *' });
const noNewPrivileges = libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
const setFilter = libc.func('int prctl(int, unsigned long, sock_fprog *)');
const code = Buffer.alloc(8 * ${refusesUnshare.length});
${JSON.stringify(refusesUnshare)}.forEach(([op, jt, jf, k], at) => {
  code.writeUInt16LE(op, at * 8);
  code.writeUInt8(jt, at * 8 + 2);
  code.writeUInt8(jf, at * 8 + 3);
  code.writeUInt32LE(k, at * 8 + 4);
});
const program = { len: ${refusesUnshare.length}, filter: code };
if (noNewPrivileges(38, 1, 0, 0, 0) !== 0 || setFilter(22, 2, program) !== 0) process.exit(99);
const child = require('child_process').spawn(process.argv[2], process.argv.slice(3), { stdio: 'inherit' });
process.on('SIGTERM', () => child.kill());
child.on('exit', (status) => process.exit(status ?? 1));
`;

test('user namespaces, by a seccomp filter around us', async (t) => {
  const koffi = createRequire(__filename).resolve('koffi');
  const { line, data } = await examine(t, {
    wrap: (command) => [process.execPath, '-e', underFilter, koffi, ...command],
  });
  assert.equal(line('user-namespace').verdict, 'missing');
  assert.equal(line('user-namespace').errno, 'EPERM');
  assert.match(line('user-namespace').tried, /unshare.*EPERM.*seccomp filter of a surrounding container/);
  assert.match(line('user-namespace').command ?? '', /seccomp=unconfined/);
  // The setting is not to blame, and the line on settings says so.
  assert.equal(line('switches').verdict, 'works');
  await assertNothingLeft(data);
});

test('the programs that map a range', async (t) => {
  const folder = folderOf(t);
  for (const name of ['unshare', 'sh', 'sleep']) symlinkSync(findProgram(name) ?? '', path.join(folder, name));
  const { line, data } = await examine(t, { environment: () => ({ PATH: folder }) });
  assert.equal(line('id-tools').verdict, 'missing');
  assert.equal(line('id-tools').errno, 'ENOENT');
  assert.match(line('id-tools').command ?? '', /install uidmap/);
  assert.equal(line('id-range').verdict, 'partial');
  assert.match(line('id-range').command ?? '', /install uidmap/);
  // One id is mapped instead, and all else works with it.
  for (const id of ['user-namespace', 'overlay', 'proc', 'ping'] as const) assert.equal(line(id).verdict, 'works', id);
  for (const id of ['pasta', 'slirp4netns', 'fuse-overlayfs'] as const) {
    assert.deepEqual([line(id).verdict, line(id).errno], ['missing', 'ENOENT'], id);
    assert.match(line(id).command ?? '', /apt-get install/);
  }
  await assertNothingLeft(data);
});

test('the privileges of those programs', async (t) => {
  if (isRoot) return t.skip('root may map a range without them');
  if (readIdentity().mapping === 'single') return t.skip('this user has no range of ids');
  const [uidmap, gidmap] = ['newuidmap', 'newgidmap'].map((name) => findProgram(name));
  assert.ok(uidmap !== undefined && gidmap !== undefined);
  const folder = folderOf(t);
  for (const file of [uidmap, gidmap]) {
    const copy = path.join(folder, path.basename(file));
    copyFileSync(file, copy);
    chmodSync(copy, 0o755);
  }
  const { line, data } = await examine(t, { environment: () => ({ PATH: `${folder}:${process.env.PATH}` }) });
  assert.equal(line('user-namespace').verdict, 'missing');
  assert.match(line('user-namespace').tried, /A map of your own id alone was made/);
  assert.equal(line('id-range').verdict, 'missing');
  assert.match(line('id-range').command ?? '', /^sudo chmod u\+s .*newuidmap .*newgidmap$/);
  assert.deepEqual([line('id-tools').verdict, line('id-tools').errno], ['missing', 'EPERM']);
  await assertNothingLeft(data);
});

test('a program that maps nothing and fails', async (t) => {
  if (isRoot) return t.skip('root may map a range without it');
  if (readIdentity().mapping === 'single') return t.skip('this user has no range of ids');
  const folder = folderOf(t);
  for (const name of ['newuidmap', 'newgidmap']) {
    writeFileSync(path.join(folder, name), '#!/bin/sh\necho "newuidmap: uid range not allowed" >&2; exit 1\n', {
      mode: 0o755,
    });
  }
  const { line } = await examine(t, { environment: () => ({ PATH: `${folder}:${process.env.PATH}` }) });
  assert.equal(line('user-namespace').verdict, 'missing');
  assert.match(line('user-namespace').tried, /newuidmap/);
  assert.equal(line('id-range').verdict, 'missing');
});

test('the right to write cgroups', async (t) => {
  const readOnly = `awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts | while read -r at; do mount --bind "$at" "$at" && mount -o remount,bind,ro "$at"; done`;
  const { line, data } = await examine(t, { wrap: surroundedBy(readOnly, '--mount') });
  assert.equal(line('cgroup').verdict, 'missing');
  assert.ok((line('cgroup').fix ?? '').length > 0);
  for (const id of ['cgroup-memory', 'cgroup-pids', 'cgroup-cpu', 'cgroup-freezer', 'cgroup-kill'] as const) {
    assert.equal(line(id).verdict, 'missing', id);
    assert.match(line(id).tried, /Not tried: no group can be made/, id);
  }
  // Containers can still run.
  for (const found of ['user-namespace', 'overlay', 'pivot-root'] as const)
    assert.equal(line(found).verdict, 'works', found);
  await assertNothingLeft(data);
});

test('a /proc that is not covered', async (t) => {
  const { line, data } = await examine(t, {
    wrap: surroundedBy('mount -t tmpfs none /proc/driver 2>/dev/null || mount -t tmpfs none /proc/irq', '--mount'),
  });
  assert.equal(line('proc').verdict, 'missing');
  assert.equal(line('proc').errno, 'EPERM');
  assert.match(line('proc').tried, /Parts of \/proc are covered/);
  assert.match(line('proc').command ?? '', /unmask=ALL/);
  assert.equal(line('tmpfs').verdict, 'works');
  await assertNothingLeft(data);
});

test('the space of the data folder', async (t) => {
  const fill =
    'mount -t tmpfs -o size=64k none "$DATA" && mkdir -m 700 "$DATA/run"; head -c 1M /dev/zero > "$DATA/fill" || true';
  const folder = folderOf(t);
  const runtime = path.join(folder, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  const { line } = await examine(t, {
    environment: () => ({ XDG_RUNTIME_DIR: runtime }),
    wrap: surroundedBy(`(${fill}) 2>/dev/null; test -e "$DATA/fill"`, '--mount'),
  });
  assert.equal(line('data-folder').verdict, 'missing');
  assert.equal(line('data-folder').errno, 'ENOSPC');
  assert.match(line('data-folder').command ?? '', /^df/);
  // The rest is tried elsewhere.
  for (const id of ['user-namespace', 'pivot-root', 'network'] as const) assert.equal(line(id).verdict, 'works', id);
});

test('a file system for the overlay’s upper layer', async (t) => {
  // An overlay cannot be the upper layer of another one.
  const { line } = await examine(t, {
    wrap: surroundedBy(
      'mkdir -p "$DATA/l" "$DATA/u" "$DATA/w" && mount -t overlay -o "lowerdir=$DATA/l,upperdir=$DATA/u,workdir=$DATA/w,userxattr" o "$DATA" && mkdir -m 700 "$DATA/run"',
      '--mount',
    ),
  });
  assert.equal(line('overlay').verdict, 'missing');
  assert.equal(line('overlay').errno, 'EINVAL');
  assert.match(line('overlay').tried, /is on overlay, which cannot hold the upper layer/);
  assert.equal(line('data-folder').verdict, 'partial');
  assert.equal(line('pivot-root').verdict, 'works');
});

import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import {
  chmodByDescriptor,
  fchmodat,
  fchownat,
  linkat,
  linkDescriptor,
  mkdirat,
  mknodat,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  readlinkat,
  renameat2,
  symlinkat,
  unlinkat,
  utimensat,
} from '../../../native/bindings/at.js';
import { O_PATH, O_TMPFILE, openat2 } from '../../../native/bindings/openat2.js';
import { temporaryFolder } from './temporary.js';

test('names are made, linked, moved and removed relative to a folder', (t) => {
  const { fd, path: root } = temporaryFolder(t);
  const at = (name: string) => path.join(root, name);
  mkdirat(fd, 'folder', 0o750);
  assert.equal(lstatSync(at('folder')).mode & 0o7777, 0o750 & ~process.umask());
  assert.throws(() => mkdirat(fd, 'folder', 0o750), { code: 'EEXIST', syscall: 'mkdirat', path: 'folder' });

  symlinkat('../where ever', fd, 'link');
  assert.equal(readlinkat(fd, 'link').toString(), '../where ever');
  const link = openat2(fd, 'link', { flags: O_PATH | constants.O_NOFOLLOW });
  assert.equal(readlinkat(link, '').toString(), '../where ever');
  closeSync(link);
  assert.throws(() => readlinkat(fd, 'folder'), { code: 'EINVAL' });

  writeFileSync(at('one'), '1');
  writeFileSync(at('two'), '2');
  linkat(fd, 'one', fd, 'one-more');
  assert.equal(lstatSync(at('one-more')).ino, lstatSync(at('one')).ino);
  linkat(fd, 'link', fd, 'link-more');
  assert.ok(lstatSync(at('link-more')).isSymbolicLink());

  assert.throws(() => renameat2(fd, 'one', fd, 'two', RENAME_NOREPLACE), { code: 'EEXIST', path: 'two' });
  renameat2(fd, 'one', fd, 'two', RENAME_EXCHANGE);
  assert.deepEqual([readFileSync(at('one'), 'utf8'), readFileSync(at('two'), 'utf8')], ['2', '1']);
  renameat2(fd, 'one', fd, 'two');
  assert.equal(readFileSync(at('two'), 'utf8'), '2');

  assert.throws(() => unlinkat(fd, 'folder'), { code: 'EISDIR' });
  unlinkat(fd, 'folder', { directory: true });
  for (const name of ['two', 'one-more', 'link', 'link-more']) {
    unlinkat(fd, name);
  }
  assert.deepEqual(readdirSync(root), []);
});

test('an unnamed file gets its name when it is complete', (t) => {
  const { fd, path: root } = temporaryFolder(t);
  const file = openat2(fd, '.', { flags: O_TMPFILE | constants.O_WRONLY, mode: 0o600 });
  try {
    writeSync(file, 'complete');
    assert.deepEqual(readdirSync(root), []);
    linkDescriptor(file, fd, 'file');
    assert.equal(readFileSync(path.join(root, 'file'), 'utf8'), 'complete');
    assert.throws(() => linkDescriptor(file, fd, 'file'), { code: 'EEXIST' });
  } finally {
    closeSync(file);
  }
});

for (const setMode of [fchmodat, chmodByDescriptor]) {
  test(`${setMode.name}: a mode goes to the file itself and is refused for a link`, (t) => {
    const { fd, path: root } = temporaryFolder(t);
    writeFileSync(path.join(root, 'file'), '', { mode: 0o644 });
    symlinkat('file', fd, 'link');
    setMode(fd, 'file', 0o4710);
    assert.equal(statSync(path.join(root, 'file')).mode & 0o7777, 0o4710);
    assert.throws(() => setMode(fd, 'link', 0o777), { code: 'ENOTSUP', path: 'link' });
    assert.equal(statSync(path.join(root, 'file')).mode & 0o7777, 0o4710);
  });
}

test('an owner goes to a link itself', (t) => {
  const { fd, path: root } = temporaryFolder(t);
  symlinkat('/etc/passwd', fd, 'link');
  const { uid, gid } = lstatSync(path.join(root, 'link'));
  fchownat(fd, 'link', uid, gid);
  if (process.getuid?.() === 0) {
    fchownat(fd, 'link', 12, 34);
    assert.deepEqual([lstatSync(path.join(root, 'link')).uid, statSync('/etc/passwd').uid], [12, 0]);
  } else {
    assert.throws(() => fchownat(fd, 'link', 0, 0), { code: 'EPERM', syscall: 'fchownat' });
  }
});

test('times keep their nanoseconds, also before 1970', (t) => {
  const { fd, path: root } = temporaryFolder(t);
  writeFileSync(path.join(root, 'file'), '');
  symlinkat('file', fd, 'link');
  utimensat(fd, 'link', 1n, 1_600_000_000_123_456_789n);
  const link = lstatSync(path.join(root, 'link'), { bigint: true });
  assert.deepEqual([link.atimeNs, link.mtimeNs], [1n, 1_600_000_000_123_456_789n]);
  utimensat(fd, 'file', -1n, -1_500_000_000n);
  const file = lstatSync(path.join(root, 'file'), { bigint: true });
  assert.deepEqual([file.atimeNs, file.mtimeNs], [-1n, -1_500_000_000n]);
});

test('FIFOs and whiteouts are for everybody, devices are not', (t) => {
  const { fd, path: root } = temporaryFolder(t);
  mknodat(fd, 'fifo', constants.S_IFIFO | 0o600);
  assert.ok(lstatSync(path.join(root, 'fifo')).isFIFO());
  mknodat(fd, 'whiteout', constants.S_IFCHR);
  const whiteout = lstatSync(path.join(root, 'whiteout'));
  assert.deepEqual([whiteout.isCharacterDevice(), whiteout.rdev], [true, 0]);
  if (process.getuid?.() === 0) {
    mknodat(fd, 'device', constants.S_IFCHR, { major: 300, minor: 70000 });
    const device = lstatSync(path.join(root, 'device')).rdev;
    // As glibc's makedev has it.
    assert.equal(device, (70000 & 0xff) | ((300 & 0xfff) << 8) | ((70000 & ~0xff) << 12));
  } else {
    assert.throws(() => mknodat(fd, 'device', constants.S_IFCHR, { major: 1, minor: 3 }), { code: 'EPERM' });
    assert.ok(!existsSync(path.join(root, 'device')));
  }
});

test('a descriptor that is no folder is refused', () => {
  const file = openSync('/etc/passwd', 'r');
  try {
    assert.throws(() => mkdirat(file, 'x', 0o755), { code: 'ENOTDIR' });
  } finally {
    closeSync(file);
  }
});

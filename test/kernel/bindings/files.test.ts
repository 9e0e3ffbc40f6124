import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import * as path from 'node:path';
import { test } from 'node:test';
import { flock, tryFlock, unlock } from '../../../native/bindings/flock.js';
import { O_PATH, openat2 } from '../../../native/bindings/openat2.js';
import { peerCredentials } from '../../../native/bindings/socket.js';
import { fileSystemMagic, fstatfs, ST_NOSUID } from '../../../native/bindings/statfs.js';
import {
  getXattr,
  listXattrs,
  removeXattr,
  setXattr,
  XATTR_CREATE,
  XATTR_REPLACE,
} from '../../../native/bindings/xattr.js';
import { eventually } from '../support/wait.js';
import { temporaryFolder } from './temporary.js';

test('a lock keeps others out, in this process and in another, until it is given back', async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder.path, 'lock');
  const [one, two] = [openSync(file, 'w'), openSync(file, 'w')];
  t.after(() => [one, two].forEach((fd) => void closeSync(fd)));
  assert.equal(tryFlock(one, 'exclusive'), true);
  assert.equal(tryFlock(two, 'shared'), false);

  const child = spawn('flock', ['--shared', file, 'echo', 'locked']);
  const output = once(child.stdout, 'data').then(([data]) => String(data));
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 5);
  const waiting = flock(two, 'shared').then(() => 'locked');
  await eventually('the event loop to run on while waiting', () => ticks > 5);
  clearInterval(ticking);
  assert.equal(await Promise.race([waiting, output, Promise.resolve('waiting')]), 'waiting');
  unlock(one);
  assert.equal(await waiting, 'locked');
  assert.equal(await output, 'locked\n');
  assert.equal(tryFlock(one, 'exclusive'), false);
});

test('waiting for a lock can be given up', async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder.path, 'lock');
  const [one, two] = [openSync(file, 'w'), openSync(file, 'w')];
  t.after(() => [one, two].forEach((fd) => void closeSync(fd)));
  tryFlock(one, 'exclusive');
  await assert.rejects(flock(two, 'exclusive', AbortSignal.timeout(30)), { name: 'AbortError' });
  assert.throws(() => tryFlock(-1, 'shared'), { code: 'EBADF', syscall: 'flock' });
});

test('extended attributes of files, O_PATH descriptors and links', (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder.path, 'file');
  writeFileSync(file, '');
  symlinkSync('file', path.join(folder.path, 'link'));
  const large = Buffer.alloc(3000, 'x');
  setXattr(file, 'user.small', Buffer.from([0, 1, 255]));
  const fd = openat2(folder.fd, 'file', { flags: O_PATH });
  t.after(() => closeSync(fd));
  setXattr(fd, 'user.large', large, XATTR_CREATE);
  setXattr(fd, 'user.empty', Buffer.alloc(0));

  assert.deepEqual(listXattrs(file).sort(), ['user.empty', 'user.large', 'user.small']);
  assert.deepEqual(getXattr(fd, 'user.small'), Buffer.from([0, 1, 255]));
  assert.deepEqual(getXattr(file, 'user.large'), large);
  assert.equal(getXattr(file, 'user.empty').length, 0);
  assert.throws(() => setXattr(file, 'user.small', large, XATTR_CREATE), { code: 'EEXIST' });
  assert.throws(() => setXattr(file, 'user.other', large, XATTR_REPLACE), { code: 'ENODATA', path: file });
  assert.throws(() => setXattr(path.join(folder.path, 'link'), 'user.small', large), { code: 'EPERM' });
  removeXattr(fd, 'user.small');
  assert.throws(() => getXattr(file, 'user.small'), { code: 'ENODATA', syscall: 'getxattr' });
});

test('the peer of a socket is known', async (t) => {
  // Short: a socket's path has at most 107 bytes.
  const folder = mkdtempSync('/tmp/t-');
  t.after(() => rmSync(folder, { recursive: true }));
  const server = createServer();
  server.listen(path.join(folder, 's'));
  await once(server, 'listening');
  const connected = once(server, 'connection');
  const client = connect(path.join(folder, 's'));
  const [accepted] = await connected;
  t.after(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  const { fd } = accepted._handle;
  const expected = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
  assert.deepEqual(peerCredentials(fd), expected);
  const file = openSync('/dev/null', 'r');
  assert.throws(() => peerCredentials(file), { code: 'ENOTSOCK', syscall: 'getsockopt' });
  closeSync(file);
});

test('the file system of a descriptor, with its mount flags', () => {
  const proc = openat2(-100, '/proc', { flags: O_PATH });
  const root = openSync('/', constants.O_RDONLY);
  try {
    const status = fstatfs(proc);
    assert.equal(status.magic, fileSystemMagic.proc);
    const mounted = /^.* \/proc (\S+).* - proc /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'));
    assert.ok(mounted?.[1]);
    assert.equal((status.flags & ST_NOSUID) !== 0, mounted[1].split(',').includes('nosuid'));
    const expected = statfsSync('/');
    const actual = fstatfs(root);
    assert.equal(actual.magic, expected.type);
    assert.equal(actual.totalBytes, expected.blocks * expected.bsize);
    // Others write meanwhile.
    assert.ok(Math.abs(actual.availableBytes - expected.bavail * expected.bsize) < 1 << 30);
  } finally {
    closeSync(proc);
    closeSync(root);
  }
});

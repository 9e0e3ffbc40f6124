import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  AT_FDCWD,
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../../native/bindings/openat2.js';
import { temporaryFolder } from './temporary.js';

function content(dirFd: number, name: string, resolve: number): string {
  const fd = openat2(dirFd, name, { flags: constants.O_RDONLY, resolve });
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

test('RESOLVE_IN_ROOT keeps links and .. inside, where a plain open leaves', (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder.path, 'etc'));
  writeFileSync(path.join(folder.path, 'etc/hostname'), 'inside');
  symlinkSync('/etc/hostname', path.join(folder.path, 'absolute'));
  symlinkSync('../../../../../../etc/hostname', path.join(folder.path, 'climbing'));
  for (const name of ['absolute', 'climbing', '../../etc/hostname', '/etc/hostname']) {
    assert.equal(content(folder.fd, name, RESOLVE_IN_ROOT), 'inside', name);
  }
  assert.notEqual(content(folder.fd, 'absolute', 0), 'inside');
});

test('the other rules refuse', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder.path, 'file'), '');
  symlinkSync('file', path.join(folder.path, 'link'));
  const open = (name: string, resolve: number) => () => content(folder.fd, name, resolve);
  assert.throws(open('link', RESOLVE_NO_SYMLINKS), { code: 'ELOOP', path: 'link', syscall: 'openat2' });
  assert.throws(open('../file', RESOLVE_BENEATH), { code: 'EXDEV' });
  assert.throws(open('/file', RESOLVE_BENEATH), { code: 'EXDEV' });
  assert.throws(open('/proc/self/exe', RESOLVE_NO_MAGICLINKS), { code: 'ELOOP' });
  assert.throws(open('/proc/version', RESOLVE_NO_XDEV), { code: 'EXDEV' });
  assert.equal(content(folder.fd, 'link', 0), '');
});

test('bytes that are not UTF-8 name files too', (t) => {
  const folder = temporaryFolder(t);
  const name = Buffer.from([0x66, 0xff, 0xfe]);
  closeSync(
    openat2(folder.fd, name, { flags: constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, mode: 0o640 }),
  );
  const fd = openat2(folder.fd, name, { flags: O_PATH });
  try {
    assert.equal(fstatSync(fd).mode & 0o777, 0o640 & ~process.umask());
  } finally {
    closeSync(fd);
  }
});

test('a mode without O_CREAT is the caller’s mistake', () => {
  assert.throws(() => openat2(AT_FDCWD, '/', { flags: 0, mode: 0o644 }), { code: 'EINVAL' });
});

test('.. that races with renames is tried again', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(path.join(folder.path, 'a/b'), { recursive: true });
  writeFileSync(path.join(folder.path, 'file'), 'inside');
  const worker = new Worker(
    `const { renameSync } = require('node:fs');
     const { workerData } = require('node:worker_threads');
     for (let end = Date.now() + 300; Date.now() < end; ) {
       renameSync(workerData + '/a', workerData + '/c');
       renameSync(workerData + '/c', workerData + '/a');
     }`,
    { eval: true, workerData: folder.path },
  );
  const ended = new Promise<void>((resolve, reject) => worker.once('exit', () => resolve()).once('error', reject));
  let opened = 0;
  let running = true;
  ended.then(
    () => (running = false),
    () => (running = false),
  );
  while (running) {
    try {
      assert.equal(content(folder.fd, 'a/b/../../file', RESOLVE_IN_ROOT), 'inside');
      opened++;
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
    }
    await new Promise(setImmediate);
  }
  await ended;
  assert.ok(opened > 0);
  renameSync(path.join(folder.path, 'a'), path.join(folder.path, 'z'));
});

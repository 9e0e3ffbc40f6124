import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { check, cPath, declare, errnoName, SystemError, systemCallNumber } from '../../../native/bindings/libc.js';

test('a path with a NUL byte is refused instead of cut short', () => {
  for (const path of ['/etc\0/passwd', '\0', Buffer.from('a\0b')]) {
    assert.throws(() => cPath(path, 'open'), { name: 'SystemError', code: 'EINVAL', syscall: 'open' });
  }
});

test('a path becomes its bytes and one NUL', () => {
  assert.deepEqual([...cPath('é', 'open')], [0xc3, 0xa9, 0]);
  assert.deepEqual([...cPath(Buffer.from([0xff]), 'open')], [0xff, 0]);
  assert.deepEqual([...cPath('', 'open')], [0]);
});

test('errors look like those of node:fs', () => {
  const chdir = declare<(path: Buffer) => number>('chdir', 'int', ['void *']);
  const missing = '/does/not/exist';
  let native: NodeJS.ErrnoException | undefined;
  try {
    readFileSync(missing);
  } catch (error) {
    native = error as NodeJS.ErrnoException;
  }
  assert.throws(
    () => check(chdir(cPath(missing, 'chdir')), 'chdir', missing),
    (error: unknown) => {
      assert.ok(error instanceof SystemError);
      assert.equal(error.code, native?.code);
      assert.equal(error.errno, native?.errno);
      assert.equal(error.path, native?.path);
      assert.equal(error.message, native?.message.replace(', open ', ', chdir '));
      return true;
    },
  );
});

test('every errno has a name, also those libuv does not know', () => {
  assert.equal(errnoName(2), 'ENOENT');
  assert.equal(errnoName(11), 'EAGAIN');
  assert.equal(errnoName(61), 'ENODATA');
  assert.equal(errnoName(126), 'ENOKEY');
  assert.equal(errnoName(4000), 'errno 4000');
});

test('results other than -1 pass', () => {
  assert.equal(check(7, 'open'), 7);
  assert.equal(check(0, 'open'), 0);
});

test('system call numbers go by architecture', () => {
  const expected = { x64: 1, arm64: 2 }[process.arch as 'x64' | 'arm64'];
  assert.equal(systemCallNumber({ x64: 1, arm64: 2 }), expected);
});

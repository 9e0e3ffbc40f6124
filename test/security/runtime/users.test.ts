/** CVE-2026-30892, CVE-2024-40635, CVE-2024-9676: users as images name them, and the files that say who they are. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import {
  CreateContainer,
  ErrorCode,
  ExecInContainer,
  InspectContainer,
  type TerrariumError,
} from '../../../helper/protocol/index.js';
import { busyboxRoot } from '../../kernel/stage/zygote.js';
import { Canary } from './canary.js';
import { Product, workFolder } from './product.js';

const refusals = [ErrorCode.Invalid, ErrorCode.NotFound, ErrorCode.BadInput, ErrorCode.Unavailable];
const isRefused = (error: TerrariumError): boolean => {
  assert.ok(refusals.includes(error.code), `${error.code}: ${error.message}`);
  return true;
};

test('no user wraps around to root', async (t) => {
  const product = await Product.start(t);
  const root = busyboxRoot(workFolder(t));
  writeFileSync(
    path.join(root, 'etc/passwd'),
    'root:x:0:0::/root:/bin/sh\nwrapped:x:4294967296:0::/:\nminus:x:-1:-1::/:\n1000:x:0:0::/:\n',
  );
  writeFileSync(path.join(root, 'etc/group'), 'root:x:0:\nwrapped:x:4294967296:\n');
  const users = ['-1', '+0', '2147483648', '4294967295', '4294967296', '18446744073709551616', '0x0', '0:-1'];
  users.push(
    '0:4294967296',
    'wrapped',
    'minus',
    '0:wrapped',
    'nobody-such',
    ' 0',
    '0 ',
    '0\n',
    '0:0:0',
    ':',
    ':0',
    '0:',
  );
  users.push('1e0', '0.0', '٠', '1000');
  const { id } = await product.up({ root: { kind: 'directory', path: root } });
  for (const user of users) {
    // With a range 1000 is an id like any other, whatever the name 1000 stands for.
    const specification = { root: { kind: 'directory', path: root } as const, args: ['/bin/id', '-u'], user };
    const process = { args: ['/bin/id', '-u'], user };
    if (user !== '1000') {
      await assert.rejects(product.client.sendRequest(CreateContainer, { specification }), isRefused, user);
      await assert.rejects(product.client.sendRequest(ExecInContainer, { container: id, process }), isRefused, user);
      continue;
    }
    const said = await product.run(specification).then(({ output }) => output, isRefused);
    assert.ok(said === true || said === '1000\n', String(said));
  }
  const control = await product.run({ root: { kind: 'directory', path: root }, args: ['/bin/id', '-u'], user: 'root' });
  assert.equal(control.output, '0\n', 'control: whom the file names is found');
});

/** Resident memory of a process in bytes. */
const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

test('whatever /etc/passwd and /etc/group are, the helper is bound in time and memory', async (t) => {
  const product = await Product.start(t);
  const folder = workFolder(t);
  mkdirSync(path.join(folder, 'outside'));
  const canary = new Canary(path.join(folder, 'outside'));
  const root = busyboxRoot(folder);
  const secretFile = path.join(canary.folder, 'passwd');
  writeFileSync(secretFile, 'outsider:x:0:0::/:\n');
  const before = canary.look();
  const make: Record<string, (file: string) => void> = {
    'a FIFO': (file) => execFileSync('mkfifo', [file]),
    'a link to a device': (file) => symlinkSync('/dev/zero', file),
    'a link to a file outside': (file) => symlinkSync(secretFile, file),
    'a link up to a file outside': (file) => symlinkSync(`../../../../../..${secretFile}`, file),
    'a link to itself': (file) => symlinkSync('passwd', file),
    'a folder': (file) => mkdirSync(file),
    'a sparse file of 100 GiB': (file) => {
      const fd = openSync(file, 'w');
      ftruncateSync(fd, 100 * 1024 ** 3);
      closeSync(fd);
    },
    'a megabyte of one line': (file) => writeFileSync(file, 'a'.repeat(1024 * 1024)),
    'a hundred thousand colons': (file) => writeFileSync(file, `outsider${':'.repeat(100_000)}\n`),
    'a socket': (file) =>
      execFileSync('perl', [
        '-MSocket',
        '-e',
        'socket S,AF_UNIX,SOCK_STREAM,0; bind S,pack_sockaddr_un($ARGV[0]) or die',
        file,
      ]),
  };
  // The first requests grow a Node by what it compiles.
  await product.run({ args: ['/bin/true'], user: 'root' });
  const resident = residentBytes(product.helperPid);
  for (const [what, put] of Object.entries(make)) {
    for (const file of ['passwd', 'group']) {
      const place = path.join(root, 'etc', file);
      put(place);
      const specification = {
        root: { kind: 'directory', path: root } as const,
        user: file === 'passwd' ? 'outsider' : '0:outsider',
      };
      const start = performance.now();
      await assert.rejects(product.client.sendRequest(CreateContainer, { specification }), isRefused, what);
      // Reading 100 GiB, or waiting for somebody to write, takes far longer.
      assert.ok(performance.now() - start < 10_000, `${what} took ${performance.now() - start} ms`);
      rmSync(place, { recursive: true });
    }
  }
  const grown = residentBytes(product.helperPid) - resident;
  assert.ok(grown < 64 * 1024 * 1024, `the helper grew by ${grown} bytes`);
  assert.equal(canary.look(), before);
  // Control: found by joining paths, the link leads to the file outside.
  symlinkSync(secretFile, path.join(root, 'etc/passwd'));
  assert.match(readFileSync(path.join(root, 'etc/passwd'), 'utf8'), /^outsider/, 'control');
});

test('a FIFO in the place of /etc/passwd is not even opened', async (t) => {
  const product = await Product.start(t);
  const root = busyboxRoot(workFolder(t));
  const fifo = path.join(root, 'etc/passwd');
  execFileSync('mkfifo', [fifo]);
  // The kernel wakes who waits to write as soon as anybody opens it for reading.
  const waiting = openWaiter(fifo);
  const specification = { root: { kind: 'directory', path: root } as const, user: 'somebody' };
  await assert.rejects(product.client.sendRequest(CreateContainer, { specification }), isRefused);
  assert.equal(waiting.opened(), false);
  // Control: now it is opened.
  closeSync(openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK));
  for (let i = 0; i < 200 && !waiting.opened(); i++) execFileSync('sleep', ['0.01']);
  assert.equal(waiting.opened(), true, 'control');
});

/** A process that opens the FIFO for writing, which ends when somebody opens it for reading. */
function openWaiter(fifo: string): { opened(): boolean } {
  const log = `${fifo}.opened`;
  execFileSync('sh', ['-c', `(exec 3> "$0"; echo opened > "$1") > /dev/null 2>&1 &`, fifo, log]);
  return {
    opened: () => {
      try {
        return readFileSync(log, 'utf8') === 'opened\n';
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw error;
      }
    },
  };
}

test('bytes that end a string early are refused, not cut', async (t) => {
  const product = await Product.start(t);
  const { id } = await product.up({});
  for (const process of [
    { args: ['/bin/sh\0x'] },
    { args: ['/bin/true'], cwd: '/\0' },
    { args: ['/bin/true'], env: ['A=\0'] },
  ]) {
    await assert.rejects(product.client.sendRequest(ExecInContainer, { container: id, process }), process.args[0]);
  }
  const { status } = await product.client.sendRequest(InspectContainer, { container: id });
  assert.equal(status, 'running');
});

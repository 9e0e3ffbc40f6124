import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readlinkSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import {
  addSeals,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  getSeals,
  memfdCreate,
} from '../../../native/bindings/memfd.js';
import { namespaceType, ownerUid, owningUserNamespace, parentNamespace } from '../../../native/bindings/namespaces.js';
import { openat2 } from '../../../native/bindings/openat2.js';
import { pidfdOpen, pidfdSendSignal } from '../../../native/bindings/pidfd.js';
import { isClosedOnExec } from './descriptor.js';
import { temporaryFolder } from './temporary.js';

test('no descriptor of ours reaches a child', (t) => {
  const { fd: dirFd } = temporaryFolder(t);
  const list = () => spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' }).stdout;
  const before = list();
  const namespace = openSync('/proc/self/ns/net', 'r');
  const fds = [
    openat2(dirFd, '.', { flags: constants.O_RDONLY }),
    pidfdOpen(process.pid),
    memfdCreate('leak'),
    owningUserNamespace(namespace),
  ];
  t.after(() => [namespace, ...fds].forEach((fd) => void closeSync(fd)));
  assert.deepEqual(fds.map(isClosedOnExec), [true, true, true, true]);
  assert.equal(list(), before);
});

test('a pidfd signals the process it was opened on, and nobody after it has ended', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  assert.ok(child.pid);
  const pidfd = pidfdOpen(child.pid);
  try {
    pidfdSendSignal(pidfd, 0);
    pidfdSendSignal(pidfd, 15);
    const [code, signal] = await once(child, 'exit');
    assert.deepEqual([code, signal], [null, 'SIGTERM']);
    assert.throws(() => pidfdSendSignal(pidfd, 15), { code: 'ESRCH', syscall: 'pidfd_send_signal' });
  } finally {
    closeSync(pidfd);
  }
  assert.throws(() => pidfdOpen(child.pid ?? 0), { code: 'ESRCH', syscall: 'pidfd_open' });
});

test('a sealed memfd can no longer be written', () => {
  const fd = memfdCreate('sealed');
  try {
    assert.match(readlinkSync(`/proc/self/fd/${fd}`), /memfd:sealed/);
    assert.equal(getSeals(fd), 0);
    writeSync(fd, 'before');
    const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    addSeals(fd, seals);
    assert.equal(getSeals(fd), seals);
    assert.throws(() => writeSync(fd, 'after'), { code: 'EPERM' });
    assert.throws(() => addSeals(fd, F_SEAL_WRITE), { code: 'EPERM', syscall: 'fcntl' });
  } finally {
    closeSync(fd);
  }
});

const CLONE_NEWUSER = 0x10000000;
const CLONE_NEWUTS = 0x04000000;

test('namespaces tell their type, their owner and their parent', async (t) => {
  const child = spawn('unshare', ['--user', '--map-root-user', '--uts', 'sh', '-c', 'echo ready; read wait'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const uts = openSync(`/proc/${child.pid}/ns/uts`, 'r');
  const user = openSync(`/proc/${child.pid}/ns/user`, 'r');
  const opened = [uts, user];
  t.after(() => opened.forEach((fd) => void closeSync(fd)));
  assert.equal(namespaceType(uts), CLONE_NEWUTS);
  assert.equal(namespaceType(user), CLONE_NEWUSER);

  const owner = owningUserNamespace(uts);
  const parent = parentNamespace(user);
  opened.push(owner, parent);
  assert.equal(readlinkSync(`/proc/self/fd/${owner}`), readlinkSync(`/proc/${child.pid}/ns/user`));
  assert.equal(readlinkSync(`/proc/self/fd/${parent}`), readlinkSync('/proc/self/ns/user'));
  assert.equal(ownerUid(user), process.getuid?.());
  assert.throws(() => ownerUid(uts), { code: 'EINVAL' });
  assert.throws(() => parentNamespace(uts), { code: 'EINVAL' });
});

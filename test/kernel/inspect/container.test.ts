import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { readCapabilities } from '../../../helper/inspect/capabilities.js';
import { readIdMap, toContainerId } from '../../../helper/inspect/idmap.js';
import { readMounts } from '../../../helper/inspect/mountinfo.js';
import { compareNamespaces, readNamespaces } from '../../../helper/inspect/namespaces.js';
import { listProcesses } from '../../../helper/inspect/processes.js';
import { runningRoot } from '../../../helper/inspect/root.js';
import { parseSignal, signalProcess } from '../../../helper/inspect/signal.js';
import { isAlive, processIdentity } from '../../../helper/inspect/stat.js';
import { readStatus } from '../../../helper/inspect/status.js';
import {
  ErrorCode,
  type ProcessIdentity,
  type ProcessInfo,
  type TerrariumError,
} from '../../../helper/protocol/index.js';

/** A container as bubblewrap makes one, on a root of its own: something to look at that is not ours. */
async function startContainer(t: TestContext, script: string, ...options: string[]) {
  const root = mkdtempSync(path.join(tmpdir(), 'terrarium-inspect-'));
  for (const folder of ['usr', 'etc', 'tmp', 'proc', 'dev']) {
    mkdirSync(path.join(root, folder));
  }
  for (const folder of ['bin', 'lib', 'lib64', 'sbin']) {
    symlinkSync(`usr/${folder}`, path.join(root, folder));
  }
  writeFileSync(path.join(root, 'etc/passwd'), 'inside:x:0:0::/:/bin/sh\n');
  symlinkSync('/etc/passwd', path.join(root, 'absolute'));
  symlinkSync('../../../../../../etc/passwd', path.join(root, 'climbing'));
  symlinkSync('/proc/1/root/etc/passwd', path.join(root, 'magic'));
  const child = spawn(
    'bwrap',
    [
      ...['--unshare-all', '--uid', '0', '--gid', '0', '--hostname', 'looked-at', '--die-with-parent', '--as-pid-1'],
      ...['--cap-drop', 'ALL', '--cap-add', 'CAP_CHOWN'],
      ...['--bind', root, '/', '--ro-bind', '/usr', '/usr', '--proc', '/proc', '--dev', '/dev', ...options],
      ...['sh', '-c', script],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  t.after(async () => {
    await end(child);
    rmSync(root, { recursive: true, force: true });
  });
  await once(child.stdout, 'data');
  return { root, child, init: await findInit(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}

/** bubblewrap stays outside; what it forked is the init. */
async function findInit({ pid }: ChildProcess): Promise<ProcessIdentity> {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  const identity = processIdentity(children[0] ?? 0);
  assert.ok(identity);
  return identity;
}

/** The processes once these have executed their commands: until then each is a copy of its parent. */
async function listedWith(init: ProcessIdentity, ...awaited: string[]): Promise<ProcessInfo[]> {
  for (let tries = 0; ; tries++) {
    const list = await listProcesses(init);
    if (tries === 500 || awaited.every((wanted) => list.some(({ command }) => command === wanted))) return list;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a container from outside: processes, namespaces, mounts, ids, capabilities', async (t) => {
  const { init } = await startContainer(t, 'sleep 61 & (exec sleep 62) & echo ready; wait');
  const processes = await listedWith(init, 'sleep 61', 'sleep 62');
  assert.deepEqual(
    processes.map(({ innerPid, command, uid, hostUid }) => [innerPid, command, uid, hostUid]),
    [
      [1, 'sh -c sleep 61 & (exec sleep 62) & echo ready; wait', 0, process.getuid?.()],
      [2, 'sleep 61', 0, process.getuid?.()],
      [3, 'sleep 62', 0, process.getuid?.()],
    ],
  );
  assert.equal(processes[0]?.identity.pid, init.pid);
  assert.ok((processes[0]?.rssBytes ?? 0) > 100_000);

  const [own, host] = [readNamespaces(init.pid), readNamespaces('self')];
  assert.ok(own && host);
  const relations = Object.fromEntries(compareNamespaces(own, host, []).map(({ type, relation }) => [type, relation]));
  const { time, ...others } = relations;
  assert.equal(time, 'host');
  assert.deepEqual(new Set(Object.values(others)), new Set(['own']));
  assert.deepEqual(compareNamespaces(own, host, [{ name: 'same', inodes: own }])[0]?.sharedWith, ['same']);

  const mounts = readMounts(init.pid) ?? [];
  assert.equal(mounts.find(({ destination }) => destination === '/proc')?.type, 'proc');
  assert.ok(mounts.find(({ destination }) => destination === '/usr')?.options.includes('ro'));

  const map = readIdMap(init.pid, 'uid');
  assert.ok(map);
  assert.equal(toContainerId(map, process.getuid?.() ?? -1), 0);

  const report = readCapabilities(init.pid);
  assert.deepEqual([report?.sets.effective, report?.noNewPrivileges, report?.seccomp], [['CAP_CHOWN'], true, 0]);
});

test('a process that entered is listed too, with its own parent', async (t) => {
  const { init } = await startContainer(t, 'echo ready; sleep 60');
  const entered = spawn('nsenter', ['-t', String(init.pid), '-U', '-p', '-m', '--preserve-credentials', 'sleep', '63']);
  t.after(() => end(entered));
  const list = await listedWith(init, 'sleep 63');
  const found = list.find(({ command }) => command === 'sleep 63');
  assert.ok(found, JSON.stringify(list));
  assert.equal(found.parentPid, entered.pid);
  assert.ok(found.innerPid > 1 && found.innerPid !== found.identity.pid);
});

test('files of a running root are read inside it', async (t) => {
  const { init, root } = await startContainer(
    t,
    'mkfifo /fifo; ln -s /dev/zero /zero; ln -s /proc/version /version; head -c 5000 /dev/zero > /large; echo ready; sleep 60',
  );
  const reader = runningRoot(init);
  for (const file of ['/etc/passwd', '/absolute', '/climbing', 'etc/../../etc/passwd']) {
    assert.equal((await reader.readFile(file, 4096))?.toString(), 'inside:x:0:0::/:/bin/sh\n', file);
  }
  for (const file of ['/fifo', '/zero', '/version', '/large', '/etc', '/magic']) {
    await assert.rejects(reader.readFile(file, 4096), { code: ErrorCode.BadInput }, file);
  }
  assert.equal(await reader.readFile('/no/such/file', 4096), undefined);
  assert.equal((await reader.stat('/fifo'))?.isFIFO(), true);
  // What is above the root on the host is not there.
  assert.equal(await reader.stat(root), undefined);
});

test('a signal reaches its process, and no other with the same pid', async (t) => {
  const { init, child } = await startContainer(t, 'trap "exit 7" USR1; echo ready; while :; do sleep 0.05; done');
  assert.throws(() => signalProcess({ pid: init.pid, startTime: init.startTime + 1 }, 9), { code: ErrorCode.NotFound });
  assert.equal(isAlive(init), true);
  const exited = once(child, 'exit');
  signalProcess(init, parseSignal('USR1'));
  assert.deepEqual(await exited, [7, null]);
  assert.equal(isAlive(init), false);
  assert.throws(() => signalProcess(init, 9), { code: ErrorCode.NotFound });
  assert.deepEqual(await listProcesses(init), []);
  await assert.rejects(runningRoot(init).stat('/'), { code: ErrorCode.NotFound });
});

test('a process of another user may not be signalled', (t) => {
  if (process.getuid?.() === 0) {
    t.skip('root may signal everybody');
    return;
  }
  const one = processIdentity(1);
  assert.ok(one);
  assert.throws(
    () => signalProcess(one, parseSignal('CONT')),
    (error: TerrariumError) => error.code === ErrorCode.Unavailable && error.data?.errno === 'EPERM',
  );
});

test('processes of subordinate ids are found and named by both owners', async (t) => {
  const isolation = ['--user', '--map-root-user', '--map-auto', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const script = 'setpriv --reuid=5 --regid=5 --clear-groups sleep 64 & echo ready; wait';
  const child = spawn('unshare', [...isolation, 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => end(child));
  let complaint = '';
  child.stderr.on('data', (data) => (complaint += data));
  const [first] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  if (!Buffer.isBuffer(first)) {
    t.skip(`no range of subordinate ids: ${complaint.trim()}`);
    return;
  }
  const init = await findInit(child);
  await listedWith(init, 'sleep 64');
  // Once more: of the first look the ids may be from before the execve, and the command from after it.
  const list = await listProcesses(init);
  const found = list.find(({ command }) => command === 'sleep 64');
  assert.ok(found, JSON.stringify(list));
  assert.equal(found.uid, 5);
  assert.notEqual(found.hostUid, process.getuid?.());
  assert.equal(found.hostUid, readStatus(found.identity.pid)?.uids[0]);
  signalProcess(found.identity, parseSignal('KILL'));
});

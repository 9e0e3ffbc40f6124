import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { readNamespaces } from '../../../helper/inspect/namespaces.js';
import { listProcesses } from '../../../helper/inspect/processes.js';
import { isAlive, processIdentity } from '../../../helper/inspect/stat.js';

interface Fake {
  pids: number[];
  parent?: number;
  uid?: number;
  namespace?: number;
  mounts?: number;
  children?: number[];
  state?: string;
  cmdline?: string;
}

/** A folder that looks like /proc. Pids outside are the first of `pids`; start time is ten times the pid. */
function fakeProc(t: TestContext, processes: Fake[]): string {
  const proc = mkdtempSync(path.join(tmpdir(), 'terrarium-proc-'));
  t.after(() => rmSync(proc, { recursive: true, force: true }));
  mkdirSync(path.join(proc, 'self/ns'), { recursive: true });
  symlinkSync('pid:[1]', path.join(proc, 'self/ns/pid'));
  symlinkSync('mnt:[2]', path.join(proc, 'self/ns/mnt'));
  for (const {
    pids,
    parent = 0,
    uid = 1500,
    namespace,
    mounts,
    children = [],
    state = 'S',
    cmdline = 'sh\0-c\0true\0',
  } of processes) {
    const [pid = 0] = pids;
    const folder = path.join(proc, String(pid));
    mkdirSync(path.join(folder, 'ns'), { recursive: true });
    mkdirSync(path.join(folder, `task/${pid}`), { recursive: true });
    const zeros = Array(17).fill('0').join(' ');
    writeFileSync(path.join(folder, 'stat'), `${pid} (sh) ${state} ${parent} ${zeros} ${pid * 10} 0 0\n`);
    const capabilities = ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => `Cap${set}:\t0\n`).join('');
    writeFileSync(
      path.join(folder, 'status'),
      `State:\t${state}\nPPid:\t${parent}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nGid:\t0\t0\t0\t0\nGroups:\t\n` +
        `NSpid:\t${pids.join('\t')}\nVmRSS:\t4 kB\n${capabilities}NoNewPrivs:\t0\nSeccomp:\t0\n`,
    );
    writeFileSync(path.join(folder, 'cmdline'), cmdline);
    writeFileSync(path.join(folder, 'uid_map'), '0 1500 1\n1 100000 65536\n');
    writeFileSync(path.join(folder, `task/${pid}/children`), children.map((child) => `${child} `).join(''));
    if (namespace !== undefined) {
      symlinkSync(`pid:[${namespace}]`, path.join(folder, 'ns/pid'));
    }
    if (mounts !== undefined) symlinkSync(`mnt:[${mounts}]`, path.join(folder, 'ns/mnt'));
  }
  return proc;
}

const init = { pid: 100, startTime: 1000 };

test('processes by namespace, by descent, by entering and by cgroup, each once', async (t) => {
  const proc = fakeProc(t, [
    { pids: [1], namespace: 1 },
    { pids: [50], namespace: 1, children: [100, 103] },
    { pids: [100, 1], parent: 50, namespace: 7, children: [101] },
    // Its link may not be read: found as a child.
    { pids: [101, 2], parent: 100, uid: 100032, children: [104] },
    // Found by its namespace only.
    { pids: [102, 3], parent: 1, uid: 4, namespace: 7, cmdline: '' },
    // Entered; on its way in its helper is not yet in the namespace.
    { pids: [103, 9], parent: 50 },
    { pids: [104, 5, 1], parent: 101 },
    { pids: [105], parent: 50 },
    { pids: [106, 6], parent: 1, state: 'Z', cmdline: '' },
    { pids: [107, 8], parent: 1, namespace: 8 },
  ]);
  const list = await listProcesses(init, {
    proc,
    entered: [
      { pid: 103, startTime: 1030 },
      { pid: 107, startTime: 1 },
    ],
    cgroupPids: [100, 105, 106, 9999],
  });
  assert.deepEqual(
    list.map(({ identity, innerPid, parentPid, hostUid, uid }) => [identity.pid, innerPid, parentPid, hostUid, uid]),
    [
      [100, 1, 50, 1500, 0],
      [101, 2, 100, 100032, 33],
      [102, 3, 1, 4, 65534],
      [104, 5, 101, 1500, 0],
      [106, 6, 1, 1500, 0],
      [103, 9, 50, 1500, 0],
    ],
  );
  assert.deepEqual([list[0]?.command, list[2]?.command, list[4]?.state], ['sh -c true', '[sh]', 'Z']);
  assert.equal(list[0]?.rssBytes, 4096);
});

test('in the host’s pid namespace those with the mount namespace of init, and descendants', async (t) => {
  const proc = fakeProc(t, [
    { pids: [1], namespace: 1, mounts: 2, children: [100] },
    { pids: [100], parent: 1, namespace: 1, mounts: 7, children: [101] },
    // With a mount namespace of its own inside.
    { pids: [101], parent: 100, namespace: 1, mounts: 8 },
    { pids: [200], parent: 1, namespace: 1, mounts: 2 },
    // Entered: its parent is outside.
    { pids: [300], parent: 1, namespace: 1, mounts: 7 },
  ]);
  const list = await listProcesses(init, { proc });
  assert.deepEqual(
    list.map(({ identity, innerPid }) => [identity.pid, innerPid]),
    [
      [100, 100],
      [101, 101],
      [300, 300],
    ],
  );
});

test('a later process with the pid of init is not the container', async (t) => {
  const proc = fakeProc(t, [{ pids: [100, 1], namespace: 7 }]);
  assert.deepEqual(await listProcesses({ pid: 100, startTime: 999 }, { proc }), []);
  assert.deepEqual(await listProcesses({ pid: 12345, startTime: 1 }, { proc }), []);
});

test('alive is who has the pid and the start time, and is no zombie', (t) => {
  const proc = fakeProc(t, [{ pids: [100] }, { pids: [101], state: 'Z' }]);
  assert.deepEqual(processIdentity(100, proc), init);
  assert.equal(isAlive(init, proc), true);
  assert.equal(isAlive({ pid: 100, startTime: 1 }, proc), false);
  assert.equal(isAlive({ pid: 101, startTime: 1010 }, proc), false);
  assert.equal(isAlive({ pid: 102, startTime: 1020 }, proc), false);
  assert.equal(processIdentity(102, proc), undefined);
});

test('namespaces of which the kernel has some only', (t) => {
  const proc = fakeProc(t, [{ pids: [100, 1], namespace: 7 }]);
  assert.deepEqual(readNamespaces(100, proc), { pid: 7 });
  assert.equal(readNamespaces(101, proc), undefined);
});

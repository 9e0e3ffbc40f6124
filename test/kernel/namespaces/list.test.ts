import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { ListMachineNamespaces, type NamespaceReport, type oci } from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { namespacesOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';
import { childNamed, inodeOf, lsns, sandboxed, unshared } from './shells.js';

const bed = new Bed();

/** 500 processes, and ready once each of them executes its program. */
const many = `i=0; while [ $i -lt 500 ]; do sleep 600 & i=$((i + 1)); done
until [ "$(cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^sleep$')" -ge 500 ]; do :; done
echo ready; read _`;

interface LsnsLine {
  ns: number;
  type: string;
  nprocs: number;
  pid: number;
  user: string;
  pns: number;
  ons: number;
}

const ociTypes: Record<string, oci.NamespaceType> = {
  mnt: 'mount',
  uts: 'uts',
  ipc: 'ipc',
  net: 'network',
  pid: 'pid',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
};

type Line = { type: string; inode: number; processes: number; firstPid: number; parent: number; owner: number };

async function listed(): Promise<Line[]> {
  // Itself is among what it counts: in the namespaces of whoever started it, which is us.
  const out = await lsns('--json', '--notruncate', '--output', 'NS,TYPE,NPROCS,PID,USER,PNS,ONS');
  const own = new Set(Object.values(namespacesOf('self')).map((link) => Number(/\d+/.exec(link)?.[0])));
  return (JSON.parse(out) as { namespaces: LsnsLine[] }).namespaces
    .map(({ ns, type, nprocs, pid, pns, ons }) => ({
      type: ociTypes[type] ?? type,
      inode: ns,
      processes: nprocs - (own.has(ns) ? 1 : 0),
      firstPid: pid,
      parent: pns,
      owner: ons,
    }))
    .sort(byTypeAndInode);
}

const byTypeAndInode = (one: Line, other: Line) => one.type.localeCompare(other.type) || one.inode - other.inode;

/** Those with processes: lsns of util-linux before 2.39 lists no others. */
function populated({ namespaces }: NamespaceReport): Line[] {
  return namespaces
    .filter(({ processes }) => processes > 0)
    .map(({ type, inode, processes, firstPid, parent, owner }) => ({
      ...{ type, inode, processes },
      firstPid: firstPid ?? 0,
      // lsns prints 0 for what it may not see.
      parent: parent ?? 0,
      owner: owner ?? 0,
    }))
    .sort(byTypeAndInode);
}

const list = () => bed.helper.ask(ListMachineNamespaces);

const entryOf = ({ namespaces }: NamespaceReport, type: oci.NamespaceType, inode: number) =>
  namespaces.find((entry) => entry.type === type && entry.inode === inode);

test('the list is what lsns lists, with a shell of unshare, a time namespace and a container there', async (t) => {
  const { pid: shell } = await unshared(t, [
    '--user',
    '--map-root-user',
    '--mount',
    '--net',
    '--ipc',
    '--uts',
    '--cgroup',
  ]);
  const { pid: nested } = await unshared(t, [
    '--user',
    '--map-root-user',
    '--pid',
    '--fork',
    '--time',
    '--boottime',
    '1000',
  ]);
  const { id, name, pid } = await bed.up();
  // Something may have started or ended between the two looks.
  const { report, lines } = await eventually('two looks at the same processes', async () => {
    const [before, found, after] = [await listed(), await list(), await listed()];
    return JSON.stringify(before) === JSON.stringify(after) && { report: found, lines: after };
  });
  assert.deepEqual(populated(report), lines);

  const own = namespacesOf(shell);
  for (const link of ['mnt', 'net', 'ipc', 'uts', 'cgroup', 'user'] as const) {
    const entry = entryOf(report, ociTypes[link] ?? 'uts', inodeOf(shell, link));
    assert.deepEqual([entry?.processes, entry?.firstPid, entry?.host], [1, shell, false], own[link]);
    if (link !== 'user') assert.equal(entry?.owner, inodeOf(shell, 'user'), own[link]);
  }
  assert.deepEqual(entryOf(report, 'user', inodeOf(shell, 'user'))?.creator?.uid, process.getuid?.());
  assert.equal(entryOf(report, 'time', inodeOf(nested, 'time'))?.firstPid, nested);
  assert.equal(entryOf(report, 'network', inodeOf('self', 'net'))?.host, true);

  for (const link of ['mnt', 'net', 'pid', 'uts'] as const) {
    const entry = entryOf(report, ociTypes[link] ?? 'uts', inodeOf(pid, link));
    assert.deepEqual(entry?.containers, [{ id, name }], link);
  }
  const init = report.processes.find(({ identity }) => identity.pid === pid);
  assert.deepEqual([init?.container, init?.innerPid], [{ id, name }, 1]);
  assert.equal(report.processes.find(({ identity }) => identity.pid === nested)?.runtime, 'unshare');
});

test('a namespace without a process is listed, with what keeps it', async (t) => {
  const { pid, end } = await unshared(t, ['--user', '--map-root-user', '--uts']);
  const [inode, owner] = [inodeOf(pid, 'uts'), inodeOf(pid, 'user')];
  const fd = openSync(`/proc/${pid}/ns/uts`, 'r');
  await end();
  try {
    const report = await list();
    const entry = entryOf(report, 'uts', inode);
    assert.deepEqual(entry?.holders, [{ kind: 'descriptor', pid: process.pid, fd }]);
    assert.deepEqual([entry?.processes, entry?.owner], [0, owner]);
    // Its owner is kept by it alone.
    const user = entryOf(report, 'user', owner);
    assert.deepEqual([user?.processes, user?.holders], [0, [{ kind: 'descendant', type: 'uts', inode }]]);
  } finally {
    closeSync(fd);
  }
  const report = await list();
  assert.equal(entryOf(report, 'uts', inode), undefined);
});

test('a bind mount in another mount namespace keeps a network namespace', async (t) => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'terrarium-namespaces-')), 'kept\u001b[31m');
  t.after(() => rmSync(path.dirname(file), { recursive: true }));
  writeFileSync(file, '');
  const script = 'unshare --net mount --bind /proc/self/ns/net "$KEPT" && echo ready && read _';
  const environment = { ...process.env, KEPT: file };
  const { pid } = await unshared(t, ['--user', '--map-root-user', '--mount'], script, environment);
  const found = (await list()).namespaces.filter(({ holders }) =>
    holders.some((holder) => holder.kind === 'mount' && holder.path === file),
  );
  assert.deepEqual(
    found.map(({ type, processes, owner, holders }) => ({ type, processes, owner, holders })),
    [
      {
        type: 'network',
        processes: 0,
        owner: inodeOf(pid, 'user'),
        holders: [{ kind: 'mount', path: file, pid }],
      },
    ],
  );
});

test('a pid namespace for children to come is told of the process that made it', async (t) => {
  const script = 'sleep 60 & echo ready; read _; kill -9 $!';
  const { pid } = await unshared(t, ['--user', '--map-root-user', '--pid'], script);
  const inode = inodeOf(await childNamed(pid, 'sleep'), 'pid');
  const report = await list();
  const process = report.processes.find(({ identity }) => identity.pid === pid);
  assert.deepEqual([process?.namespaces.pid, process?.forChildren], [inodeOf('self', 'pid'), { pid: inode }]);
  assert.deepEqual(entryOf(report, 'pid', inode)?.holders, [{ kind: 'children', pid }]);
});

test('command lines of others come as they are, and are cut where they get long', async (t) => {
  const { pid } = await unshared(
    t,
    ['--user', '--map-root-user'],
    `echo ready; read _; : '\u001b[31m${'x'.repeat(9000)}'`,
  );
  const { command = '' } = (await list()).processes.find(({ identity }) => identity.pid === pid) ?? {};
  assert.equal(command, `sh -c echo ready; read _; : '\u001b[31m`.padEnd(4096, 'x'));
});

test('sandboxes of other programs are told by the program', async (t) => {
  const pid = await sandboxed(t);
  if (pid === undefined) return;
  const report = await list();
  const shell = report.processes.find(({ identity }) => identity.pid === pid);
  assert.ok(shell);
  assert.deepEqual([shell.runtime, shell.container], ['bwrap', undefined]);
  assert.deepEqual(entryOf(report, 'network', inodeOf(pid, 'net'))?.runtimes, ['bwrap']);
});

test('five hundred processes are all there in one answer', async (t) => {
  const { end } = await unshared(t, ['--user', '--map-root-user', '--pid', '--fork', '--kill-child'], many);
  const start = performance.now();
  const report = await list();
  t.diagnostic(`${report.processes.length} processes in ${(performance.now() - start).toFixed(0)} ms`);
  assert.equal(report.processes.filter(({ command }) => command === 'sleep 600').length, 500);
  await end();
});

test('what may not be looked at is counted by user', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root may look at every process');
  // bash is the init of the tests' pid namespace, and root's.
  const report = await list();
  const denied = execFileSync('ps', ['-e', '-o', 'user=:32'], { encoding: 'utf8' })
    .split('\n')
    .filter((user) => user.trim() === 'root').length;
  if (denied === 0) return t.skip('no process of another user is there');
  const counted = report.refused.processes.find(({ user }) => user === 'root');
  assert.equal(counted?.count, denied);
});

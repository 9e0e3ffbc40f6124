import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { type TestContext, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { listens } from '../networks/listening.js';
import { Bed } from '../support/bed.js';
import { differingNamespaces, mountsOf, type NamespaceLink, namespacesOf, startTimeOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();
const usual: readonly NamespaceLink[] = ['mnt', 'uts', 'ipc', 'net', 'pid', 'user', 'cgroup'];

const choices: readonly [string, protocol.ContainerSpecification, readonly NamespaceLink[]][] = [
  ['none', {}, []],
  ['uts', { namespaces: { uts: 'host' } }, ['uts']],
  ['ipc', { namespaces: { ipc: 'host' } }, ['ipc']],
  ['pid', { namespaces: { pid: 'host' } }, ['pid']],
  ['cgroup', { namespaces: { cgroup: 'host' } }, ['cgroup']],
  ['network', { network: { kind: 'host' } }, ['net']],
  ['uts, ipc and pid', { namespaces: { uts: 'host', ipc: 'host', pid: 'host' } }, ['uts', 'ipc', 'pid']],
];
for (const [name, specification, shared] of choices) {
  test(`sharing ${name} with the host: exactly the other namespaces are new`, async () => {
    const { id, pid } = await bed.up(specification);
    const own = usual.filter((link) => !shared.includes(link));
    assert.deepEqual(differingNamespaces(pid), own);
    // What we tell agrees with it.
    const told = await bed.helper.request(protocol.ListNamespaces, { container: id });
    assert.deepEqual(
      told.filter(({ relation }) => relation === 'own').map(({ inode }) => inode),
      own.map((link) => Number(/\d+/.exec(namespacesOf(pid)[link])?.[0])),
    );
    await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  });
}

test('a time namespace: both clocks are set back or forth, the host keeps its own', async () => {
  const offset = 1_000_000;
  const timeOffsets = { boottime: { secs: offset, nanosecs: 0 }, monotonic: { secs: 2 * offset, nanosecs: 0 } };
  const { id, pid } = await bed.up({ timeOffsets });
  assert.deepEqual(differingNamespaces(pid), [...usual, 'time']);
  const uptime = (text: string) => Number(text.split(' ')[0]);
  const before = uptime(readFileSync('/proc/uptime', 'utf8'));
  const inside = uptime((await bed.exec(id, 'cat /proc/uptime')).stdout);
  const after = uptime(readFileSync('/proc/uptime', 'utf8'));
  assert.ok(inside >= before + offset && inside <= after + offset + 1, `${before} ${inside} ${after}`);
  const offsets = readFileSync(`/proc/${pid}/timens_offsets`, 'utf8').replaceAll(/ +/g, ' ');
  assert.match(offsets, new RegExp(`monotonic ${2 * offset} 0\\nboottime ${offset} 0\\n`));
});

test('PID 1, and no process of the host to be seen or killed', async () => {
  const { id } = await bed.up();
  const seen = (await bed.exec(id, `kill -0 ${process.pid} 2>&1; echo /proc/[0-9]*; cat /proc/1/stat`)).stdout;
  const [refusal, folders, init] = seen.split('\n');
  assert.match(refusal ?? '', /No such process/);
  // Its init, and the shell that has entered; a shell of the host's would be one too many.
  assert.equal(folders?.split(' ').length, 2, seen);
  assert.match(init ?? '', /^1 \(/);
  // The control: in the host's pid namespace the very same process is there.
  const shared = await bed.up({ namespaces: { pid: 'host' } });
  assert.equal((await bed.exec(shared.id, `kill -0 ${process.pid}`)).exitCode, 0);
});

test('a hostname of its own', async () => {
  const { id, name, pid } = await bed.up({ hostname: 'jar.example' });
  assert.equal((await bed.exec(id, 'hostname; uname -n')).stdout, 'jar.example\njar.example\n');
  assert.equal(hostname(), readFileSync('/proc/sys/kernel/hostname', 'utf8').trim());
  assert.notEqual(hostname(), 'jar.example');
  assert.notEqual(name, 'jar.example');
  assert.ok(pid > 1);
  assert.equal((await bed.shell('hostname', { name: 'jug' })).trim(), 'jug', 'by default the name');
});

test('proc, sys, dev, shm and mqueue of its own', async () => {
  const { pid } = await bed.up();
  const mounts = mountsOf(pid);
  const expected = {
    '/proc': 'proc',
    '/sys': 'sysfs',
    '/dev': 'tmpfs',
    '/dev/shm': 'tmpfs',
    '/dev/pts': 'devpts',
    '/dev/mqueue': 'mqueue',
  };
  for (const [destination, type] of Object.entries(expected)) {
    const mount = mounts.findLast((candidate) => candidate.destination === destination);
    assert.equal(mount?.type, type, destination);
    assert.ok(mount?.options.includes('nosuid'), destination);
  }
  assert.equal(mounts.filter(({ destination }) => destination === '/').length, 1);
});

test('System V IPC: a segment of the host is not there', async (t: TestContext) => {
  const made = spawnSync('ipcmk', ['-M', '4096'], { encoding: 'utf8' });
  if (made.error !== undefined) return t.skip(`ipcmk cannot be run: ${made.error.message}`);
  const segment = /id: (\d+)/.exec(made.stdout)?.[1];
  assert.ok(segment, made.stdout + made.stderr);
  t.after(() => execFileSync('ipcrm', ['-m', segment]));
  const list = (text: string) => text.trim().split('\n').length - 1;
  assert.ok(list(readFileSync('/proc/sysvipc/shm', 'utf8')) > 0);
  assert.equal(list(await bed.shell('cat /proc/sysvipc/shm')), 0);
  const shared = await bed.shell('cat /proc/sysvipc/shm', { namespaces: { ipc: 'host' } });
  assert.match(shared, new RegExp(`^ *\\S+ +${segment} `, 'm'), 'shared, it is');
});

test('a process that enters is in the very same namespaces, time too', async () => {
  const { id, pid } = await bed.up({ timeOffsets: { monotonic: { secs: 5, nanosecs: 0 } } });
  const process = { args: ['sleep', '60'] };
  const { identity } = await bed.helper.request(protocol.ExecInContainer, { container: id, process });
  assert.deepEqual(namespacesOf(identity.pid), namespacesOf(pid));
  assert.equal(startTimeOf(identity.pid), identity.startTime);
  assert.equal(readlinkSync(`/proc/${identity.pid}/root`), readlinkSync(`/proc/${pid}/root`));
});

test("another container's network: one inode, one loopback", async () => {
  const first = await bed.up({ name: 'network-owner' });
  const second = await bed.up({ network: { kind: 'container', container: 'network-owner' } });
  const differing = differingNamespaces(second.pid, first.pid);
  assert.deepEqual(differing, ['mnt', 'uts', 'ipc', 'pid', 'user', 'cgroup']);
  // A server in one is reached from the other, over the loopback that was brought up once.
  const process = { args: ['/bin/sh', '-c', 'echo here > /said; nc -l -p 4711 < /said'] };
  await bed.helper.request(protocol.ExecInContainer, { container: first.id, process });
  await eventually('a listener on port 4711', () => listens(second.pid, 4711));
  const heard = await bed.exec(
    second.id,
    // Its input never ends: busybox's nc leaves when the other side has closed its direction, said what it has to say or not.
    'mkfifo /quiet; nc 127.0.0.1 4711 0<>/quiet',
  );
  assert.deepEqual([heard.stdout, heard.exitCode], ['here\n', 0]);
  const told = await bed.helper.request(protocol.ListNamespaces, { container: second.id });
  assert.deepEqual(told.find(({ type }) => type === 'network')?.sharedWith, ['network-owner']);
});

test('a network of its own has nothing but lo, and it is up', async () => {
  const links = (await bed.shell('ip -o link; cat /proc/net/route')).trim().split('\n');
  assert.equal(links.length, 2, links.join('\n'));
  assert.match(links[0] ?? '', /\blo: <LOOPBACK,UP,LOWER_UP>/);
  assert.match(
    await bed.shell('ping -c 1 -W 2 127.0.0.1 >/dev/null 2>&1; nc -z 127.0.0.1 9 2>&1; ip -o addr show lo'),
    /127\.0\.0\.1\/8/,
  );
});

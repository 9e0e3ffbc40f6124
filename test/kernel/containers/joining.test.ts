/** Containers in namespaces of other containers and of processes: by inode, and by what is seen from inside. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { unshareAll, unshared } from '../namespaces/shells.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { differingNamespaces, type NamespaceLink, namespacesOf, startTimeOf } from '../support/kernel.js';
import { podmanContainer } from '../support/podman.js';
import { makeBusyboxRoot } from '../support/root.js';
import { eventually } from '../support/wait.js';

const { ErrorCode } = protocol;
const bed = new Bed();
const usual: readonly NamespaceLink[] = ['mnt', 'uts', 'ipc', 'net', 'pid', 'user', 'cgroup'];
const without = (...links: NamespaceLink[]) => usual.filter((link) => !links.includes(link));
const offset = 1_000_000;

const remove = (container: string) => bed.helper.request(protocol.RemoveContainer, { container, force: true });

test('another container’s, one by one and all together: exactly the others are new', async (t) => {
  const timeOffsets = { boottime: { secs: offset, nanosecs: 0 } };
  const owner = await bed.up({ name: 'owner', hostname: 'owner.example', timeOffsets });
  const whose = { container: 'owner' };

  await t.test('uts, ipc, cgroup, time and network: its names, queues, clocks and interfaces', async () => {
    const namespaces = { uts: whose, ipc: whose, cgroup: whose, time: whose };
    const { id, pid } = await bed.up({ namespaces, network: { kind: 'container', container: 'owner' } });
    assert.deepEqual(differingNamespaces(pid, owner.pid), ['mnt', 'pid', 'user']);
    assert.equal((await bed.exec(owner.id, 'touch /dev/mqueue/theirs; hostname')).stdout, 'owner.example\n');
    const script = 'hostname; cat /dev/mqueue/theirs | grep -c QSIZE; ls /sys/class/net; cut -d. -f1 /proc/uptime';
    const [name, queues, interfaces, uptime] = (await bed.exec(id, script)).stdout.split('\n');
    assert.deepEqual([name, queues, interfaces], ['owner.example', '1', 'lo']);
    assert.ok(Number(uptime) > offset, uptime);
    assert.equal(existsSync('/dev/mqueue/theirs'), false);
    // Who enters it is where it is, too.
    const entered = await bed.helper.request(protocol.ExecInContainer, {
      container: id,
      process: { args: ['sleep', '60'] },
    });
    assert.deepEqual(namespacesOf(entered.identity.pid), namespacesOf(pid));
    const told = await bed.helper.request(protocol.ListNamespaces, { container: id });
    assert.deepEqual(
      told.filter(({ sharedWith }) => sharedWith.includes('owner')).map(({ type }) => type),
      ['uts', 'ipc', 'network', 'cgroup', 'time'],
    );
    await remove(id);
  });

  await t.test('pid: both see the same processes, from user namespaces of their own', async () => {
    const { id, pid } = await bed.up({ namespaces: { pid: whose } });
    assert.deepEqual(differingNamespaces(pid, owner.pid), [...without('pid'), 'time']);
    const here = await bed.helper.request(protocol.ExecInContainer, {
      container: id,
      process: { args: ['sleep', '61'] },
    });
    const inside = (await bed.exec(id, 'cat /proc/1/comm; grep -l sleep /proc/[0-9]*/comm')).stdout;
    assert.match(inside, /^init\n\/proc\/\d+\/comm\n$/);
    assert.equal((await bed.exec(owner.id, 'grep -l sleep /proc/[0-9]*/comm')).stdout, inside.slice('init\n'.length));
    // What shows them is theirs, not this machine's.
    assert.equal((await bed.exec(id, `ls -d /proc/${process.pid}`)).exitCode, 1);
    const listed = await bed.helper.request(protocol.ListProcesses, { container: id });
    assert.deepEqual(
      listed.map(({ identity }) => identity.pid),
      [pid, here.identity.pid],
      'its own, and not those of the other',
    );
    // The other’s init ends with its own container only; ours ends alone, with all that is in it.
    await remove(id);
    assert.notEqual(startTimeOf(owner.pid), undefined);
    await eventually('the end of what entered', () => startTimeOf(here.identity.pid) === undefined);
  });

  await t.test('pid: a link of the root leads what shows its processes nowhere', async () => {
    const path = makeBusyboxRoot(join(bed.home.folder, 'linked'));
    rmdirSync(join(path, 'proc'));
    symlinkSync('tmp', join(path, 'proc'));
    await fails(bed.helper.run({ root: { kind: 'directory', path }, args: [], namespaces: { pid: whose } }), {
      code: ErrorCode.StepFailed,
      message: /attachPrepared \/proc failed with E(LOOP|NOTDIR)/,
    });
  });

  await t.test('user, with pid and network: one root, whose capabilities count in all of them', async () => {
    const namespaces = { user: whose, pid: whose };
    const network = { kind: 'container', container: 'owner' } as const;
    const capabilities = { add: ['CAP_NET_ADMIN'] };
    const { id, pid } = await bed.up({ namespaces, network, capabilities });
    assert.deepEqual(differingNamespaces(pid, owner.pid), ['mnt', 'uts', 'ipc', 'cgroup', 'time']);
    assert.equal(readFileSync(`/proc/${pid}/uid_map`, 'utf8'), readFileSync(`/proc/${owner.pid}/uid_map`, 'utf8'));
    assert.equal((await bed.exec(id, 'ip link set lo down && ip link set lo up')).exitCode, 0);
    // The control: in a user namespace of its own it is not this network's root.
    const apart = await bed.up({ namespaces: { pid: whose }, network, capabilities });
    assert.match((await bed.exec(apart.id, 'ip link set lo down')).stderr, /not permitted/);
    await remove(id);
    await remove(apart.id);
  });

  await t.test('the other is looked for again at each start, and missed when it does not run', async () => {
    const { id } = await bed.up({ namespaces: { uts: whose } });
    await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
    await bed.helper.request(protocol.StopContainer, { container: 'owner', graceSeconds: 0 });
    await fails(bed.helper.request(protocol.StartContainer, { container: id }), {
      code: ErrorCode.WrongState,
      message: /owner, whose namespaces are to be joined, is not running/,
      data: { command: 'terrarium start owner' },
    });
    const again = await bed.helper.request(protocol.StartContainer, { container: 'owner' });
    const { summary } = await bed.helper.request(protocol.StartContainer, { container: id });
    assert.notEqual(again.summary.init?.pid, owner.pid);
    const [one, other] = [summary, again.summary].map(({ init }) => namespacesOf(init?.pid ?? 0).uts);
    assert.equal(one, other);
  });
});

test('who joins a container that has this machine’s namespace has it as well, with what shows it', async () => {
  const sharer = await bed.up({ namespaces: { ipc: 'host', pid: 'host' }, network: { kind: 'host' } });
  const whose = { container: sharer.id };
  const network = { kind: 'container', container: sharer.id } as const;
  const { id, pid } = await bed.up({ namespaces: { ipc: whose, pid: whose }, network });
  assert.deepEqual(differingNamespaces(pid), without('ipc', 'pid', 'net'));
  assert.equal((await bed.exec(id, `kill -0 ${process.pid} && ls -d /proc/${process.pid}`)).exitCode, 0);
});

test('those of a process of an unshare shell, together with its user namespace', async (t) => {
  const shell = await unshared(t, unshareAll);
  const whose = { process: shell.pid };
  const network = { kind: 'process', pid: shell.pid } as const;
  const { id, pid } = await bed.up({ namespaces: { user: whose, uts: whose, ipc: whose, pid: whose }, network });
  assert.deepEqual(differingNamespaces(pid, shell.pid), ['mnt', 'cgroup']);
  assert.match((await bed.exec(id, 'cat /proc/1/comm; id -u; echo one > /file; cat /file')).stdout, /^\w+\n0\none\n$/);
  await fails(bed.helper.run({ root: bed.root, args: [], network }), {
    code: ErrorCode.Unavailable,
    message: new RegExp(`network namespace of process ${shell.pid}`),
    cause: /neither Terrarium’s own nor one below it/,
    fix: new RegExp(`"user": {"process":${shell.pid}}`),
  });
  // Processes that sit in its user namespace must not be seen by it.
  await fails(bed.helper.run({ root: bed.root, args: [], namespaces: { user: whose, pid: 'host' } }), {
    code: ErrorCode.Unavailable,
    message: /user namespace of process \d+ cannot be joined/,
    cause: /could take them over/,
  });
  await remove(id);
});

test('those of a container of podman, together with its user namespace: root there, of whose users it has all', async (t) => {
  const podman = await podmanContainer(t, bed);
  if (podman === undefined) return;
  const whose = { process: podman };
  const network = { kind: 'process', pid: podman } as const;
  const { id, pid } = await bed.up({ namespaces: { user: whose, uts: whose, ipc: whose, pid: whose }, network });
  assert.deepEqual(differingNamespaces(pid, podman), ['mnt', 'cgroup']);
  assert.equal(readFileSync(`/proc/${pid}/uid_map`, 'utf8'), readFileSync(`/proc/${podman}/uid_map`, 'utf8'));
  const seen = 'id -u; cat /proc/1/comm; echo one > /file && chown 1000 /file && stat -c %u /file';
  assert.equal((await bed.exec(id, seen)).stdout, '0\nsleep\n1000\n');
  assert.equal((await bed.exec(id, 'id -u', { user: '1000' })).stdout, '1000\n');
  await remove(id);
  // Of the user namespace alone all others are new.
  const users = await bed.up({ namespaces: { user: whose }, user: '1000' });
  assert.deepEqual(differingNamespaces(users.pid, podman), without('user'));
  assert.equal((await bed.exec(users.id, 'id -u')).stdout, '1000\n');
  await remove(users.id);
});

test('a pid that means no process any more, and one of another user, are refused before anything is made', async (t) => {
  const shell = await unshared(t, ['--user', '--map-root-user', '--uts']);
  const specification = { root: bed.root, args: [], namespaces: { user: { process: shell.pid } } };
  const { id } = await bed.helper.request(protocol.CreateContainer, { specification });
  process.kill(shell.pid, 'SIGKILL');
  await eventually('its end', () => startTimeOf(shell.pid) === undefined);
  const expected = { code: ErrorCode.NotFound, message: new RegExp(`no process ${shell.pid}`), fix: /new container/ };
  await fails(bed.helper.request(protocol.StartContainer, { container: id }), expected);
  await fails(bed.helper.request(protocol.CreateContainer, { specification }), expected);
  await fails(bed.helper.run({ root: bed.root, args: [], namespaces: { user: { process: process.pid } } }), {
    code: ErrorCode.Unavailable,
    message: /is this machine’s own/,
  });
  if (process.getuid?.() === 0) return;
  await fails(bed.helper.run({ root: bed.root, args: [], namespaces: { uts: { process: 1 } } }), {
    code: ErrorCode.Unavailable,
    message: /namespaces of process 1 cannot be joined/,
    cause: /another user/,
  });
});

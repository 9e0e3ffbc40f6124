import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { listens } from '../networks/listening.js';
import { Bed } from '../support/bed.js';
import { freePort } from '../support/freePort.js';
import { TestHelper } from '../support/helper.js';
import {
  differingNamespaces,
  killUnlessEnded,
  namespacesOf,
  parentOf,
  startTimeOf,
  statusField,
} from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();
const create = (name: string, more: Omit<protocol.CreatePodParams, 'name'> = {}) =>
  bed.helper.request(protocol.CreatePod, { name, ...more });
const inspect = (pod: string) => bed.helper.request(protocol.InspectPod, { pod });
const stop = (container: string) => bed.helper.request(protocol.StopContainer, { container, graceSeconds: 1 });
const start = async (container: string) =>
  (await bed.helper.request(protocol.StartContainer, { container })).summary.init?.pid ?? assert.fail('no init');
const removePod = (pod: string) => bed.helper.request(protocol.RemovePod, { pod, force: true });
const isGone = (pid: number) => startTimeOf(pid) === undefined;

async function holderOf(pod: string): Promise<number> {
  return (await inspect(pod)).holder?.pid ?? assert.fail(`${pod} has no holder`);
}

/** Neither the holder nor its monitor, nor a file of theirs that others are told by. */
async function nothingLeft(...pids: number[]): Promise<void> {
  await eventually('the end of the holder and its monitor', () => pids.every(isGone));
  assert.deepEqual(
    readdirSync(bed.home.runtime).filter((name) => name.startsWith('pod-') && name.endsWith('.sock')),
    [],
  );
}

test('what a pod shares is the same for its containers, and everything else each one’s own', async () => {
  await create('web');
  const one = await bed.up({ pod: 'web', name: 'one', root: { kind: 'host' } });
  const two = await bed.up({ pod: 'web', name: 'two' });
  assert.deepEqual(differingNamespaces(one.pid, two.pid).sort(), ['cgroup', 'mnt', 'pid', 'user']);
  assert.deepEqual(differingNamespaces(one.pid).sort(), ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts']);
  const pod = await inspect('web');
  assert.deepEqual(
    pod.namespaces.map(({ type, inode }) => [type, inode]),
    (['net', 'ipc', 'uts'] as const).map((link) => [
      link === 'net' ? 'network' : link,
      Number(/\d+/.exec(namespacesOf(two.pid)[link])?.[0]),
    ]),
  );
  assert.deepEqual(pod.running.sort(), [one.id, two.id].sort());
  assert.equal((await bed.helper.summary('two')).pod, 'web');
  for (const { id } of [one, two]) assert.equal((await bed.exec(id, 'hostname')).stdout, 'web\n');
  // A segment that one of them makes is there for the other.
  const made = /\d+/.exec((await bed.exec(one.id, 'ipcmk -M 4321')).stdout)?.[0];
  assert.match(
    (await bed.exec(two.id, 'cat /proc/sysvipc/shm')).stdout,
    new RegExp(`^ *-?\\d+ +${made} .* 4321 `, 'm'),
  );
  assert.doesNotMatch(readFileSync('/proc/sysvipc/shm', 'utf8'), / 4321 /, 'and not for the machine');
  // They reach each other at 127.0.0.1, at any port.
  const served = bed.exec(two.id, 'echo hello > /said; nc -l -p 80 < /said');
  await eventually('a listener on port 80', () => listens(one.pid, 80));
  assert.equal((await bed.exec(one.id, '', bash)).stdout, 'hello\n');
  assert.equal((await served).exitCode, 0);
  // Neither sees the other's processes.
  const pids = (await bed.exec(two.id, 'ls -d /proc/[0-9]*')).stdout.trim().split('\n').length;
  assert.ok(pids <= 3, `${pids} processes`);
  await removePod('web');
});

const bash = { args: ['/bin/bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/80; cat <&3'] };

test('it lives as long as one of its containers does, also without a helper; then nothing is left, and it starts anew', async () => {
  await create('pond');
  const crashing = await TestHelper.start(bed.home);
  const first = await crashing.run({ root: bed.root, args: [], pod: 'pond', name: 'frog' });
  await crashing.crash();
  const net = readlinkSync(`/proc/${first.init?.pid}/ns/net`);
  const second = await bed.up({ pod: 'pond', name: 'newt' });
  assert.equal(namespacesOf(second.pid).net, net);
  await stop('frog');
  assert.equal(namespacesOf(second.pid).net, net, 'the first has ended');
  const holder = await holderOf('pond');
  const monitor = parentOf(holder);
  assert.equal(namespacesOf(holder).net, net);
  const again = await start('frog');
  assert.equal(namespacesOf(again).net, net);
  assert.equal(await holderOf('pond'), holder);
  await stop('frog');
  process.kill(second.pid, 'SIGKILL');
  await nothingLeft(holder, monitor);
  assert.deepEqual([(await inspect('pond')).running, (await inspect('pond')).namespaces], [[], []]);
  const restarted = await start('newt');
  const next = await holderOf('pond');
  assert.notEqual(next, holder);
  assert.deepEqual(differingNamespaces(restarted, next).sort(), ['cgroup', 'mnt', 'pid', 'user']);
  assert.equal((await bed.exec('newt', 'hostname')).stdout, 'pond\n');
  await removePod('pond');
});

test('a killed holder is told, and replaced in the same namespaces; killed monitors leave nothing behind', async () => {
  await create('well');
  const one = await bed.up({ pod: 'well', name: 'eft' });
  const killed = await holderOf('well');
  process.kill(killed, 'SIGKILL');
  await eventually('its end to be told', async () => {
    const { holder, running } = await inspect('well');
    return holder === undefined && running.length === 1;
  });
  const two = await bed.up({ pod: 'well', name: 'asp' });
  assert.deepEqual(differingNamespaces(one.pid, two.pid).sort(), ['cgroup', 'mnt', 'pid', 'user']);
  const holder = await holderOf('well');
  const monitor = parentOf(holder);
  assert.equal(namespacesOf(holder).uts, namespacesOf(one.pid).uts);
  for (const { pid } of [one, two]) process.kill(parentOf(pid), 'SIGKILL');
  await nothingLeft(holder, monitor);
  for (const { pid } of [one, two]) killUnlessEnded(pid);
  await removePod('well');
  assert.deepEqual(
    (await bed.helper.ask(protocol.ListContainers)).map(({ name }) => name),
    [],
  );
});

/** What is said by who listens at a port of this machine, or why nobody is reached. */
function said(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (part: Buffer) => {
      text += part.toString();
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? ''));
    socket.once('close', () => resolve(text));
  });
}

test('its ports and its place in a named network are the pod’s, whichever container comes and goes', async () => {
  await bed.helper.request(protocol.CreateNetwork, { name: 'bay' });
  const port = await freePort();
  await create('fleet', {
    network: { kind: 'bridge', network: 'bay' },
    ports: [{ hostPort: port, containerPort: 7000 }],
    hostname: 'flagship',
  });
  const sloop = await bed.up({ pod: 'fleet', name: 'sloop' });
  await bed.up(bed.script('while :; do echo ahoy | nc -l -p 7000; done', { pod: 'fleet', name: 'brig' }));
  const isle = await bed.up({
    name: 'isle',
    network: { kind: 'bridge', network: 'bay' },
    // The ping of busybox knows only raw sockets.
    capabilities: { add: ['CAP_NET_RAW'] },
  });
  const { address, published } = await inspect('fleet');
  assert.ok(address !== undefined);
  for (const name of ['fleet', 'flagship', 'sloop', 'brig', address]) {
    const ping = await bed.exec(isle.id, `ping -c 1 -W 5 ${name}`);
    assert.equal(ping.exitCode, 0, `${name}: ${ping.stdout}${ping.stderr}`);
  }
  assert.match((await bed.exec(sloop.id, 'cat /etc/hosts')).stdout, /\tisle$/m);
  const { members } = await bed.helper.request(protocol.InspectNetwork, { network: 'bay' });
  const addresses = members.filter((member) => member.name !== 'isle').map((member) => member.address);
  assert.deepEqual(addresses, [address, address], 'one for the pod');
  assert.deepEqual(
    published.map(({ hostPort, containerPort }) => [hostPort, containerPort]),
    [[port, 7000]],
  );
  await eventually('an answer through the port', async () => (await said(port)) === 'ahoy\n');
  await stop('sloop');
  await eventually('an answer when the first has ended', async () => (await said(port)) === 'ahoy\n');
  await stop('brig');
  await eventually('the end of the port', async () => (await said(port)) === 'ECONNREFUSED');
  await removePod('fleet');
  assert.doesNotMatch((await bed.exec(isle.id, 'cat /etc/hosts')).stdout, /flagship/);
  await bed.helper.request(protocol.RemoveContainer, { container: isle.id, force: true });
});

test('with shared pids they see each other’s processes; the holder reaps what they leave', async () => {
  await create('hive', { shares: ['pid', 'ipc'] });
  const one = await bed.up({ pod: 'hive', name: 'bee' });
  const two = await bed.up(bed.script('sleep 4242 & wait', { pod: 'hive', name: 'wasp' }));
  assert.deepEqual(differingNamespaces(one.pid, two.pid).sort(), ['cgroup', 'mnt', 'net', 'user', 'uts']);
  assert.match((await bed.exec(one.id, 'ps')).stdout, /sleep 4242/);
  await bed.exec(one.id, '(sleep 0.2 &) ; true');
  const holder = await holderOf('hive');
  const monitor = parentOf(holder);
  await eventually('no zombie below the holder', () => {
    const children = readFileSync(`/proc/${holder}/task/${holder}/children`, 'utf8').trim();
    return children === '';
  });
  const child = Number(readFileSync(`/proc/${two.pid}/task/${two.pid}/children`, 'utf8'));
  // Not by the end of its pids' first process, which is the holder, and not before the last one ends.
  await bed.helper.request(protocol.KillContainer, { container: two.id });
  await eventually('the end of what it started', () => isGone(child));
  assert.ok(!isGone(one.pid) && !isGone(holder), 'the other one runs on');
  await stop('bee');
  // The socket is its monitor's, who removes it when the holder has ended.
  await nothingLeft(holder, monitor);
  await removePod('hive');
});

/**
 * As many processes as there may be, in sessions of their own: each forks, and many that did end. The place of one that is
 * killed is taken at once, and no list of them is true for long.
 */
const storm = `
  use POSIX "setsid";
  sub rage {
    while (1) {
      my $child = fork;
      exit if rand() < (defined $child ? $child && 0.5 : 0.1);
      setsid if defined $child;
    }
  }
  for (1 .. 4) { rage unless fork }
  sleep 1 while 1;
`;

/** Zombies have that link still, until the holder reaps them. */
function processesIn(user: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && linkOf(pid) === user && !isGone(pid));
}

function linkOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/user`);
  } catch {
    return undefined; // Gone, or somebody else's.
  }
}

/** Field 3 of /proc/PID/stat. */
const stateOf = (pid: number) => statusField(pid, 'State').charAt(0);

test('with shared pids a container ends with all that it left, however that forks; the others go on as they were', async () => {
  await create('swarm', { shares: ['pid'] });
  // The second one of these stands still, and is to go on doing so.
  const calm = await bed.up(bed.script('sleep 4243 & sleep 4244 & wait', { pod: 'swarm', name: 'calm' }));
  const [runs = 0, stands = 0] = await eventually('its children', () => {
    const children = readFileSync(`/proc/${calm.pid}/task/${calm.pid}/children`, 'utf8').trim().split(' ').map(Number);
    return children.length === 2 && children;
  });
  process.kill(stands, 'SIGSTOP');
  const wild = await bed.up({
    pod: 'swarm',
    name: 'wild',
    root: { kind: 'host' },
    args: ['perl', '-e', storm],
    rlimits: [{ type: 'RLIMIT_NPROC', soft: 60, hard: 60 }],
  });
  const { user } = namespacesOf(wild.pid);
  await eventually('a storm', () => processesIn(user).length > 30);
  const monitor = parentOf(wild.pid);
  const lastPid = 'cut -d " " -f 5 /proc/loadavg; sleep 0.1; cut -d " " -f 5 /proc/loadavg';
  const forks = async () => {
    const [before = Number.NaN, after = Number.NaN] = (await bed.exec(calm.id, lastPid)).stdout
      .trim()
      .split('\n')
      .map(Number);
    return after - before;
  };
  assert.ok((await forks()) > 20, 'the storm is one');
  await bed.helper.request(protocol.KillContainer, { container: wild.id });
  await eventually('the end of its monitor', () => isGone(monitor));
  assert.deepEqual(processesIn(user), []);
  assert.ok((await forks()) < 10, 'nothing forks in the pod');
  assert.deepEqual([calm.pid, runs, stands].map(stateOf), ['S', 'S', 'T']);
  await removePod('swarm');
});

test('what the pod has said is not chosen again, and it is removed with its containers', async () => {
  const { Invalid, NameTaken, NotFound, WrongState } = protocol.ErrorCode;
  await create('keep');
  const refused: [protocol.ContainerSpecification, RegExp][] = [
    [{ hostname: 'other' }, /hostname/],
    [{ network: { kind: 'none' } }, /network/],
    [{ ports: [{ hostPort: 8080, containerPort: 80 }] }, /ports/],
    [{ namespaces: { ipc: 'host' } }, /namespaces\.ipc/],
    [{ group: 'other' }, /group/],
    [{ sysctl: { 'net.ipv4.ip_forward': '1' } }, /ip_forward/],
  ];
  for (const [specification, what] of refused) {
    await assert.rejects(bed.up({ pod: 'keep', ...specification }), (error) => {
      const { code, message } = error as protocol.TerrariumError;
      return code === Invalid && what.test(message);
    });
  }
  await assert.rejects(bed.up({ group: 'keep' }), { code: Invalid });
  await assert.rejects(bed.up({ pod: 'nowhere' }), { code: NotFound });
  await assert.rejects(create('keep'), { code: NameTaken });
  await assert.rejects(create('../up'), { code: Invalid });
  await assert.rejects(create('odd', { shares: ['ipc'], hostname: 'x' }), { code: Invalid });
  await assert.rejects(create('odd', { network: { kind: 'bridge', network: 'nowhere' } }), { code: NotFound });
  const { id } = await bed.up({ pod: 'keep', name: 'kept' });
  await assert.rejects(bed.helper.request(protocol.RemovePod, { pod: 'keep' }), { code: WrongState });
  await stop(id);
  await bed.helper.request(protocol.RemovePod, { pod: 'keep' });
  assert.ok(!existsSync(`${bed.home.data}/pods/keep`) && !existsSync(`${bed.home.data}/containers/${id}`));
  await assert.rejects(bed.helper.request(protocol.RemovePod, { pod: 'keep' }), { code: NotFound });
});

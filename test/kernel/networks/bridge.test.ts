import assert from 'node:assert/strict';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { startTimeOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';
import { listens } from './listening.js';

const bed = new Bed();
const on = (network: string, more: protocol.ContainerSpecification = {}): protocol.ContainerSpecification => ({
  network: { kind: 'bridge', network },
  // The ping of busybox knows only raw sockets.
  capabilities: { add: ['CAP_NET_RAW'] },
  ...more,
});
const create = (name: string, subnet?: string) =>
  bed.helper.request(protocol.CreateNetwork, { name, ...(subnet === undefined ? {} : { subnet }) });
const inspect = (network: string) => bed.helper.request(protocol.InspectNetwork, { network });
const remove = (container: string) => bed.helper.request(protocol.RemoveContainer, { container, force: true });
const outside = readlinkSync('/proc/self/ns/net');

/** As the plan of a network gives it: 02:00 and the IPv4 address. */
const hardware = (address: string) =>
  ['02', '00', ...address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');

async function addressOf(network: string, container: string): Promise<string> {
  const member = (await inspect(network)).members.find((one) => one.container === container);
  return member?.address ?? assert.fail(`${container} has no address in ${network}`);
}

test('two containers of a network reach each other by name and address; a third, in another network, is not reached', async () => {
  await create('pond');
  await create('lake');
  const [frog, newt] = [await bed.up(on('pond', { name: 'frog' })), await bed.up(on('pond', { name: 'newt' }))];
  const pike = await bed.up(on('lake', { name: 'pike' }));
  const from = (id: string, script: string) => bed.exec(id, script);
  const address = await addressOf('pond', newt.id);
  const shown = (await from(newt.id, 'ip -4 -o addr show dev eth0')).stdout;
  assert.match(shown, new RegExp(`inet ${address.replaceAll('.', '\\.')}/24 `));
  for (const [a, b] of [
    [frog, newt],
    [newt, frog],
  ] as const) {
    const ping = await from(a.id, `ping -c 1 -W 5 ${b.name}`);
    assert.equal(ping.exitCode, 0, ping.stdout + ping.stderr);
  }
  // The bridge's own address does not follow its ports: who had spoken to it would not reach it any more.
  const { address: bridge } = await inspect('pond');
  const seen = await from(frog.id, `ping -c 1 -W 5 ${bridge} > /dev/null; arp -n ${bridge}`);
  assert.match(seen.stdout, new RegExp(hardware(bridge)));
  assert.notEqual((await from(pike.id, `ping -c 1 -W 1 ${address}`)).exitCode, 0, 'another network');
  assert.notEqual((await from(pike.id, 'ping -c 1 -W 1 newt')).exitCode, 0, 'a name of another network');
  // TCP, too, and both have their own ports.
  const served = from(newt.id, 'echo croak > /said; nc -l -p 7000 < /said');
  await eventually('a listener on port 7000', () => listens(newt.pid, 7000));
  // Its input never ends: busybox's nc leaves when the other side has closed its direction, said what it has to say or not.
  assert.equal((await from(frog.id, 'mkfifo /quiet; nc newt 7000 0<>/quiet')).stdout, 'croak\n');
  assert.equal((await served).exitCode, 0);
  for (const { id } of [frog, newt, pike]) await remove(id);
});

test('nothing of a network is in the machine’s own namespace, and nothing of it can be changed from inside', async () => {
  await create('well');
  const { id, pid } = await bed.up(on('well'));
  const { holder } = await inspect('well');
  assert.ok(holder !== undefined);
  const spaces = [outside, readlinkSync(`/proc/${pid}/ns/net`), readlinkSync(`/proc/${holder.pid}/ns/net`)];
  assert.equal(new Set(spaces).size, 3, spaces.join(' '));
  const interfaces = readFileSync(`/proc/${holder.pid}/net/dev`, 'utf8');
  assert.match(interfaces, new RegExp(`^ *v${id.slice(0, 8)}-`, 'm'));
  assert.match(interfaces, /^ *bridge0:/m);
  assert.doesNotMatch(readFileSync('/proc/self/net/dev', 'utf8'), new RegExp(`v${id.slice(0, 8)}`));
  const inside = readFileSync(`/proc/${pid}/net/dev`, 'utf8')
    .split('\n')
    .flatMap((line) => /^ *([^ :]+):/.exec(line)?.[1] ?? []);
  assert.deepEqual(inside.sort(), ['eth0', 'lo']);
  const range = await bed.exec(id, 'cat /proc/sys/net/ipv4/ping_group_range');
  assert.equal(range.stdout, '0\t0\n', 'other programs ping without a capability');
  const write = await bed.exec(id, 'echo 1.2.3.4 evil >> /etc/hosts');
  assert.notEqual(write.exitCode, 0, 'one container must not rename the others');
  await remove(id);
});

test('an address stays a container’s over restarts, and can be chosen', async () => {
  await create('brook', '10.121.0.0/28');
  const { id } = await bed.up(on('brook', { name: 'trout' }));
  const chosen = await bed.up({ name: 'perch', network: { kind: 'bridge', network: 'brook', address: '10.121.0.9' } });
  assert.equal(await addressOf('brook', chosen.id), '10.121.0.9');
  const before = await addressOf('brook', id);
  await bed.helper.request(protocol.RestartContainer, { container: id, graceSeconds: 1 });
  assert.equal(await addressOf('brook', id), before);
  // Others remember which hardware has an address.
  const { stdout } = await bed.exec(id, 'cat /sys/class/net/eth0/address');
  assert.equal(stdout.trim(), hardware(before));
  assert.equal((await bed.exec(id, 'ping -c 1 -W 5 perch')).exitCode, 0, 'after the restart');
  const twice = { ...on('brook'), network: { kind: 'bridge', network: 'brook', address: '10.121.0.9' } } as const;
  await assert.rejects(bed.up(twice), { code: protocol.ErrorCode.Invalid });
  await remove(chosen.id);
  const next = await bed.up(twice);
  assert.equal(await addressOf('brook', next.id), '10.121.0.9');
  for (const one of [id, next.id]) await remove(one);
});

test('names follow: one that comes later, is renamed or removed', async () => {
  await create('moor');
  const { id } = await bed.up(on('moor', { name: 'first' }));
  const hosts = async () => (await bed.exec(id, 'cat /etc/hosts')).stdout;
  assert.doesNotMatch(await hosts(), /second/);
  const later = await bed.up(on('moor', { name: 'second', hostname: 'other-name' }));
  const address = await addressOf('moor', later.id);
  assert.match(await hosts(), new RegExp(`^${address}\tsecond other-name$`, 'm'));
  await bed.helper.request(protocol.RenameContainer, { container: later.id, name: 'renamed' });
  assert.match(await hosts(), new RegExp(`^${address}\trenamed other-name$`, 'm'));
  await remove(later.id);
  assert.doesNotMatch(await hosts(), new RegExp(address));
  await remove(id);
});

test('a network outlives the helper; when its holder is killed, its containers are still found by new ones', async () => {
  await create('bog');
  const one = await bed.up(on('bog', { name: 'one' }));
  const { holder } = await inspect('bog');
  const other = await bed.another();
  await other.stop();
  assert.ok(holder !== undefined && existsSync(`/proc/${holder.pid}`));
  process.kill(holder.pid, 'SIGKILL');
  await eventually('the end of the holder', async () => (await inspect('bog')).holder === undefined);
  const two = await bed.up(on('bog', { name: 'two' }));
  assert.equal((await bed.exec(two.id, 'ping -c 1 -W 5 one')).exitCode, 0);
  for (const { id } of [one, two]) await remove(id);
});

test('a network in use is not removed; afterwards its holder has ended, and a start says what is missing', async () => {
  await create('mire');
  const { id } = await bed.up(on('mire', { name: 'stuck' }));
  const { holder } = await inspect('mire');
  assert.ok(holder !== undefined);
  await assert.rejects(bed.helper.request(protocol.RemoveNetwork, { network: 'mire' }), (error) => {
    const { code, message } = error as protocol.TerrariumError;
    return code === protocol.ErrorCode.WrongState && message.includes('stuck');
  });
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 1 });
  await bed.helper.request(protocol.RemoveNetwork, { network: 'mire' });
  assert.equal(startTimeOf(holder.pid), undefined);
  await assert.rejects(bed.helper.request(protocol.StartContainer, { container: id }), {
    code: protocol.ErrorCode.NotFound,
  });
  await remove(id);
});

test('what cannot be a network is refused', async () => {
  const invalid = { code: protocol.ErrorCode.Invalid };
  for (const name of ['', '../up', 'a/b', 'host', 'none']) await assert.rejects(create(name), invalid, name);
  await assert.rejects(create('bad', '10.0.0.1/24'), invalid);
  const first = await create('dune');
  await assert.rejects(create('dune'), { code: protocol.ErrorCode.NameTaken });
  await assert.rejects(create('copse', first.subnet), invalid, 'overlaps');
  await assert.rejects(bed.up(on('nowhere')), { code: protocol.ErrorCode.NotFound });
  const names = (await bed.helper.ask(protocol.ListNetworks)).map(({ name }) => name);
  assert.ok(names.includes('dune') && !names.includes('bad') && !names.includes('copse'));
});

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { eventually } from '../support/wait.js';
import { listens } from './listening.js';

const bed = new Bed();
const read = (target: protocol.ProcessTarget) => bed.helper.request(protocol.ReadNetworkState, { target });
const remove = (container: string) => bed.helper.request(protocol.RemoveContainer, { container, force: true });
const outside = Number(/\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0]);
/** This machine's own programs, to ask them about the same network. */
const host = { kind: 'host' } as const;

interface IpLink {
  ifname: string;
  mtu: number;
  operstate: string;
  flags: string[];
  address?: string;
  addr_info: { family: string; local: string; prefixlen: number; scope: string }[];
  stats64: Record<'rx' | 'tx', { bytes: number; packets: number }>;
}
interface IpRoute {
  dst: string;
  dev: string;
  gateway?: string;
  prefsrc?: string;
  metric?: number;
}
interface IpNeighbour {
  dst: string;
  dev: string;
  lladdr?: string;
}

test('interfaces, routes and neighbours of a container are those that ip(8) shows in it', async () => {
  await bed.helper.request(protocol.CreateNetwork, { name: 'fen' });
  const network = { kind: 'bridge', network: 'fen' } as const;
  const other = await bed.up({ network, name: 'rush' });
  const { id } = await bed.up({ root: host, network });
  const ip = async <T>(what: string): Promise<T[]> => {
    const { stdout, stderr, exitCode } = await bed.exec(id, `ip -j ${what}`);
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout.trim() === '' ? '[]' : stdout) as T[];
  };
  // Somebody has to be looked for before there is a neighbour. Nobody listens: it is refused by whom it reaches.
  const refused = await bed.exec(id, 'bash -c "exec 3<>/dev/tcp/rush/9"');
  assert.match(refused.stderr, /Connection refused/);

  const links = await eventually('addresses of IPv6 that nobody else has', async () => {
    const found = await ip<IpLink>('-s addr show');
    return JSON.stringify(found).includes('tentative') ? undefined : found;
  });
  const state = await read({ container: id });
  assert.deepEqual(
    state.interfaces.map(({ name, mtu, state: known, linkAddress, addresses }) => ({
      name,
      mtu,
      known,
      linkAddress,
      addresses: addresses.map(({ family, address, prefix, scope }) => [family, address, prefix, scope]),
    })),
    links.map(({ ifname, mtu, operstate, address, addr_info }) => ({
      name: ifname,
      mtu,
      known: operstate.toLowerCase(),
      linkAddress: address,
      addresses: addr_info.map(({ family, local, prefixlen, scope }) => [family, local, prefixlen, scope]),
    })),
  );
  for (const { ifname, flags, stats64 } of links) {
    const seen = state.interfaces.find(({ name }) => name === ifname);
    for (const flag of seen?.flags.filter((one) => one !== 'RUNNING') ?? []) assert.ok(flags.includes(flag), flag);
    assert.ok((seen?.received.packets ?? -1) >= stats64.rx.packets, `packets received by ${ifname}`);
    assert.ok((seen?.sent.bytes ?? -1) >= stats64.tx.bytes, `bytes sent by ${ifname}`);
  }
  assert.equal(state.interfaces.find(({ name }) => name === 'eth0')?.kind, 'veth');
  assert.ok((state.interfaces.find(({ name }) => name === 'eth0')?.sent.packets ?? 0) > 0, 'what was sent is counted');

  const routes = [...(await ip<IpRoute>('-4 route show')), ...(await ip<IpRoute>('-6 route show'))];
  const routeText = (route: IpRoute) =>
    JSON.stringify([route.dst, route.dev, route.gateway, route.prefsrc, route.metric]);
  assert.ok(routes.length > 0);
  assert.deepEqual(
    state.routes
      .filter(({ table, type }) => table === undefined && type === 'unicast')
      .map(({ destination, interface: dev = '', gateway, source, metric }) =>
        JSON.stringify([destination, dev, gateway, source, metric]),
      )
      .sort(),
    routes.map(routeText).sort(),
  );

  const neighbours = await ip<IpNeighbour>('neigh show');
  assert.deepEqual(
    state.neighbours.map(({ address, interface: dev, linkAddress }) => [address, dev, linkAddress]).sort(),
    neighbours.map(({ dst, dev, lladdr }) => [dst, dev, lladdr]).sort(),
  );
  assert.ok(neighbours.length > 0);

  // The far end of it, in the network's own namespace.
  const { holder } = await bed.helper.request(protocol.InspectNetwork, { network: 'fen' });
  const ports = (await read({ pid: holder?.pid ?? 0 })).interfaces.filter(({ master }) => master === 'bridge0');
  assert.deepEqual(
    ports.map(({ name }) => name.slice(0, 9)).sort(),
    [other.id, id].map((one) => `v${one.slice(0, 8)}`).sort(),
  );
  for (const one of [id, other.id]) await remove(one);
});

const servers = `
  const net = require('node:net');
  net.createServer().listen(7000, '0.0.0.0', () => net.connect(7000, '127.0.0.1'));
  net.createServer().listen(7001, '127.0.0.1');
  require('node:dgram').createSocket('udp4').bind(7002);
  net.createServer().listen('/tmp/reed.sock', () => net.connect('/tmp/reed.sock'));
  net.createServer().listen('\\0sedge');
  net.createServer().listen('/tmp/a\\nb');
  require('node:child_process').spawn('sleep', ['600'], { stdio: ['pipe', 'ignore', 'ignore'] });
  process.title = 'croaker';
`;

const isConnected = ({ state }: { state: string }) => state === 'established';

test('sockets of a container are those that ss(8) shows in it, with the same processes', async () => {
  const { id, pid } = await bed.up({ root: host, args: [process.execPath, '-e', servers] });
  await eventually('the servers', async () => {
    const { sockets, unixSockets = [] } = await read({ container: id });
    const isUp = unixSockets.filter(isConnected).length === 4 && unixSockets.length === 7;
    return isUp && sockets.filter(isConnected).length === 2 && sockets.length === 5;
  });
  const { sockets, unixSockets = [], interfaces, host: isHost, inode } = await read({ container: id });
  const { stdout, stderr, exitCode } = await bed.exec(id, 'ss -tuapnH');
  assert.equal(exitCode, 0, stderr);
  const states: Record<string, string> = { LISTEN: 'listen', ESTAB: 'established', UNCONN: 'unconnected' };
  const shown = stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [protocolName = '', state = '', , , local = '', , users = ''] = line.trim().split(/\s+/);
      const holder = /\("([^"]*)",pid=(\d+)/.exec(users);
      return [protocolName, states[state], local, holder?.[1], Number(holder?.[2])].join(' ');
    });
  assert.deepEqual(
    sockets
      .map(({ protocol: name, state, local, processes: [first] }) =>
        [name, state, `${local.address}:${local.port}`, first?.name, first?.innerPid].join(' '),
      )
      .sort(),
    shown.sort(),
  );
  assert.equal(shown.length, 5, stdout);
  // With init as the server both have one pid outside, too.
  assert.ok(sockets.every(({ processes: [first] }) => first?.pid === pid || first?.innerPid !== 1));
  assert.deepEqual(
    sockets.slice(0, 3).map(({ local }) => local.port),
    [7000, 7001, 7002],
    'what listens comes first',
  );

  const unix = await bed.exec(id, 'ss -xapnH');
  assert.equal(unix.exitCode, 0, unix.stderr);
  // The one whose name has a line feed in it is not to be told apart from its neighbours there.
  const broken = '/tmp/a\nb';
  const line = /^(u_\w+)\s+(\w+)\s+\d+\s+\d+\s+(\S+)\s+(\d+)\s+\*\s+(\d+)\s+users:\(\("([^"]*)",pid=(\d+)/gm;
  const typeNames: Record<string, string> = { u_str: 'stream', u_dgr: 'dgram', u_seq: 'seqpacket' };
  assert.deepEqual(
    unixSockets
      .filter(({ path }) => path !== broken)
      .map((one) =>
        [
          one.type,
          one.state,
          protocol.unixAddress(one) ?? '*',
          one.inode,
          one.peer ?? 0,
          ...one.processes.flatMap(({ name, innerPid }) => [name, innerPid]),
        ].join(' '),
      )
      .sort(),
    [...unix.stdout.matchAll(line)]
      .map(([, type = '', state = '', address, own, peer, name, holder]) =>
        [typeNames[type], states[state], address, own, peer, name, holder].join(' '),
      )
      .sort(),
    unix.stdout,
  );
  assert.deepEqual(
    // Node fills abstract names up with NULs.
    unixSockets.slice(0, 3).map((one) => [one.state, protocol.unixAddress(one)?.replace(/@+$/, '')]),
    [
      ['listen', '@sedge'],
      ['listen', broken],
      ['listen', '/tmp/reed.sock'],
    ],
  );
  const byInode = new Map(unixSockets.map((one) => [one.inode, one]));
  assert.ok(
    unixSockets.filter(isConnected).every((one) => byInode.get(one.peer ?? 0)?.peer === one.inode),
    'each end of a connection names the other',
  );
  // By default it is alone, with loopback up (scenario W1).
  assert.deepEqual(
    interfaces.map(({ name, flags }) => [name, flags.includes('UP')]),
    [['lo', true]],
  );
  assert.ok(interfaces[0]?.addresses.some(({ address, prefix }) => address === '127.0.0.1' && prefix === 8));
  assert.ok(!isHost && inode !== outside);
  await remove(id);
});

test('with this machine’s network it is the machine’s, by its number (scenario W4); so it is of any process there', async () => {
  const { id, pid } = await bed.up({ network: { kind: 'host' } });
  const inside = await read({ container: id });
  assert.equal(readlinkSync(`/proc/${pid}/ns/net`), `net:[${outside}]`);
  assert.equal(inside.inode, outside);
  assert.equal(inside.host, true);
  const own = await read({ pid: process.pid });
  assert.deepEqual(
    own.interfaces.map(({ name, addresses }) => [name, addresses]),
    inside.interfaces.map(({ name, addresses }) => [name, addresses]),
  );
  await remove(id);
  await assert.rejects(read({ pid, startTime: 1 }), { code: protocol.ErrorCode.NotFound });
});

/** Ends what it started, which is the leader of a group of its own. */
async function endGroup(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  await closed;
}

test('the network of a process that is not ours is seen as well, without entering it by hand', async (t) => {
  const script = `ip link set lo up && exec ${process.execPath} -e "require('node:net').createServer().listen(7100, '127.0.0.1')"`;
  const child = spawn('unshare', ['--user', '--map-root-user', '--net', 'sh', '-c', script], {
    detached: true,
    stdio: 'ignore',
  });
  t.after(() => endGroup(child));
  const pid = child.pid ?? 0;
  await eventually('a listener in it', () => listens(pid, 7100));
  const { interfaces, sockets, unreadable, host: isHost } = await read({ pid });
  assert.equal(unreadable, undefined);
  assert.equal(isHost, false);
  assert.deepEqual(
    interfaces.map(({ name, flags }) => [name, flags.includes('UP')]),
    [['lo', true]],
  );
  assert.deepEqual(
    sockets.map(({ local, processes }) => [local.port, processes.map((one) => one.pid)]),
    [[7100, [pid]]],
  );
});

const crowd = { connections: 2000, datagram: 200 };
const crowdScript = `
  const net = require('node:net');
  const { once } = require('node:events');
  (async () => {
    const server = net.createServer().listen(7300, '127.0.0.1');
    for (let made = 0; made < ${crowd.connections}; made += 100) {
      const sockets = Array.from({ length: 100 }, () => net.connect(7300, '127.0.0.1'));
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    }
    const bound = Array.from({ length: ${crowd.datagram} }, () => require('node:dgram').createSocket('udp6').bind());
    await Promise.all(bound.map((socket) => once(socket, 'listening')));
    while ((await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))) < ${crowd.connections}) {
      await new Promise(setImmediate);
    }
    console.log('up');
  })();
`;

test('of thousands of sockets none is left out: they are those that ss(8) shows', async (t) => {
  const script = `ip link set lo up && exec ${process.execPath} -e "$CROWD"`;
  const child = spawn('unshare', ['--user', '--map-root-user', '--net', 'sh', '-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, CROWD: crowdScript },
  });
  t.after(() => endGroup(child));
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => assert.fail('it has ended'))]);
  const pid = child.pid ?? 0;
  const { sockets, moreSockets } = await read({ pid });
  assert.equal(moreSockets, undefined);
  const within = ['--target', String(pid), '--user', '--net', '--preserve-credentials'];
  const { stdout } = await promisify(execFile)('nsenter', [...within, 'ss', '-Htuan'], { maxBuffer: 16 * 1024 * 1024 });
  const names: Record<string, string> = { LISTEN: 'listen', ESTAB: 'established', UNCONN: 'unconnected' };
  const shown = stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', state = '', , , local = '', remote = ''] = line.trim().split(/\s+/);
      return [name, names[state], local, remote.endsWith(':*') ? '' : remote].join(' ');
    });
  const text = ({ address, port }: protocol.SocketAddress) => `${address === '::' ? '*' : address}:${port}`;
  assert.deepEqual(
    sockets
      .map(({ protocol: name, state, local, remote }) =>
        [name, state, text(local), remote === undefined ? '' : text(remote)].join(' '),
      )
      .sort(),
    shown.sort(),
  );
  assert.equal(shown.length, 1 + 2 * crowd.connections + crowd.datagram);
  assert.ok(sockets.every(({ processes }) => processes.length === 1 && processes[0]?.pid === pid));
});

test('who watches a container is told when something begins to listen in it, and when it has ceased', async () => {
  const told: string[] = [];
  bed.helper.connection.onNotification(protocol.ListenersChanged.method, ({ containers }: { containers: string[] }) => {
    told.push(...containers);
  });
  const [{ id, pid }, quiet] = [await bed.up({ root: host }), await bed.up()];
  await bed.helper.request(protocol.WatchListeners, { containers: [id, quiet.id] });
  const listener = `require('node:net').createServer((socket) => process.exit(0)).listen(7200)`;
  const served = bed.exec(id, `${process.execPath} -e "${listener}"`);
  await eventually('the listener', () => listens(pid, 7200));
  await eventually('word of it', () => told.length > 0);
  const { sockets } = await read({ container: id });
  assert.deepEqual(
    sockets.map(({ local, processes }) => [local.port, processes[0]?.name]),
    [[7200, 'node']],
  );
  await bed.exec(id, `${process.execPath} -e "require('node:net').connect(7200)"`);
  assert.equal((await served).exitCode, 0);
  await eventually('word of its end', () => told.length > 1);
  assert.deepEqual([...new Set(told)], [id], 'nothing listens in the other one');
  await bed.helper.request(protocol.WatchListeners, { containers: [] });
  for (const one of [id, quiet.id]) await remove(one);
});

test('other helpers hear of published ports and of networks; a port goes on when the one that published it is killed', async () => {
  const { id } = await bed.up();
  const networks: string[][] = [];
  bed.helper.connection.onNotification(
    protocol.NetworksChanged.method,
    ({ networks: names }: { networks: string[] }) => {
      networks.push(names);
    },
  );
  const other = await bed.another();
  const taken = await other.request(protocol.PublishPort, {
    container: id,
    // Somewhere in the range from which the kernel gives none of its own.
    port: { hostPort: 20_000 + (process.pid % 9000), containerPort: 7000 },
  });
  await other.request(protocol.CreateNetwork, { name: 'heath' });
  await other.crash();
  const told = () => bed.helper.changes.at(-1)?.containers.find((one) => one.id === id)?.ports;
  await eventually('word of the port', () => told()?.length === 1);
  assert.deepEqual(told(), [taken]);
  assert.deepEqual(await bed.helper.request(protocol.ListPorts, { container: id }), [taken]);
  await eventually('word of the network', () => networks.at(-1)?.includes('heath'));
  await bed.helper.request(protocol.RemoveNetwork, { network: 'heath' });
  await eventually('word of its end', () => networks.at(-1)?.includes('heath') === false);
  const { hostPort } = taken;
  await bed.helper.request(protocol.WithdrawPort, { container: id, hostPort });
  await eventually('word of the withdrawal', () => told() === undefined);
  await remove(id);
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { freePort } from '../support/freePort.js';
import { eventually } from '../support/wait.js';
import { body, fetching, outboundObstacle, serve } from './outside.js';

const bed = new Bed();
const skip = existsSync('/proc/sys/net/ipv6') ? false : 'this kernel has no IPv6';
const on = (network: string, more: protocol.ContainerSpecification = {}): protocol.ContainerSpecification => ({
  network: { kind: 'bridge', network },
  capabilities: { add: ['CAP_NET_RAW'] },
  ...more,
});
const inspect = (network: string) => bed.helper.request(protocol.InspectNetwork, { network });
const remove = (container: string) => bed.helper.request(protocol.RemoveContainer, { container, force: true });

/** Listens at :: alone, and says hello to who comes. */
const greeter: protocol.ContainerSpecification = {
  root: { kind: 'host' },
  args: [
    process.execPath,
    '-e',
    `const server = require('node:net').createServer((socket) => socket.end('hello from ' + socket.localAddress));
     server.listen({ port: 7000, host: '::' });`,
  ],
};

test('members of a network reach each other by IPv6, by name and at once; all of it is shown', { skip }, async () => {
  const made = await bed.helper.request(protocol.CreateNetwork, { name: 'six', subnet6: 'fd5a:1:2:3::/64' });
  assert.equal(made.subnet6, 'fd5a:1:2:3::/64');
  const server = await bed.up(on('six', { name: 'greeter', ...greeter }));
  const client = await bed.up(on('six', { name: 'guest' }));
  const { members, address6 } = await inspect('six');
  const addressOf = (id: string) => members.find(({ container }) => container === id)?.address6 ?? assert.fail(id);
  assert.equal(address6, 'fd5a:1:2:3::1');
  for (const name of ['greeter', addressOf(server.id), 'fd5a:1:2:3::1']) {
    const ping = await bed.exec(client.id, `ping -6 -c 1 -W 5 ${name}`);
    assert.equal(ping.exitCode, 0, `${name}: ${ping.stdout}${ping.stderr}`);
  }
  const shown = (await bed.exec(client.id, 'ip -6 -o addr show dev eth0')).stdout;
  assert.match(shown, new RegExp(`inet6 ${addressOf(client.id)}/64 scope global`));
  assert.equal((await bed.exec(client.id, 'cat /proc/sys/net/ipv6/conf/eth0/accept_ra')).stdout, '0\n');
  // TCP, to a server at ::.
  const said = await bed.exec(client.id, `nc ${addressOf(server.id)} 7000 < /dev/null`);
  assert.equal(said.stdout, `hello from ${addressOf(server.id)}`);
  for (const { id } of [server, client]) await remove(id);
});

test('a network without IPv6 has none at all, and one subnet is one network’s', { skip }, async () => {
  const made = await bed.helper.request(protocol.CreateNetwork, { name: 'four', ipv6: false });
  assert.equal(made.subnet6, undefined);
  const { id } = await bed.up(on('four', { name: 'plain' }));
  assert.equal((await bed.exec(id, 'ip -6 -o addr show dev eth0; grep -c plain /etc/hosts')).stdout, '1\n');
  await remove(id);
  const invalid = { code: protocol.ErrorCode.Invalid };
  const create = (more: Omit<protocol.CreateNetworkParams, 'name'>) =>
    bed.helper.request(protocol.CreateNetwork, { name: 'not', ...more });
  await assert.rejects(create({ ipv6: false, subnet6: 'fd5a:1:2:4::/64' }), invalid);
  await assert.rejects(create({ subnet6: 'fd5a:1:2:3::/64' }), invalid);
  await assert.rejects(create({ subnet6: '2001:db8::/64' }), invalid);
});

test('a port published without an address is at both of localhost’s; with one, there alone', async (t) => {
  const hasBoth = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
  if (!hasBoth) return t.skip('this machine has no ::1');
  const { id } = await bed.up(greeter);
  const [tcp, alone, udp] = [await freePort('::'), await freePort('::'), await freePort('::')];
  const publish = (port: protocol.PortMapping) => bed.helper.request(protocol.PublishPort, { container: id, port });
  const { address, alsoAt } = await publish({ hostPort: tcp, containerPort: 7000 });
  assert.deepEqual([address, alsoAt], ['127.0.0.1', '::1']);
  assert.match(await eventually('a greeting', () => heard('::1', tcp)), /^hello/);
  assert.match((await heard('127.0.0.1', tcp)) ?? '', /^hello/);
  const only = await publish({ hostPort: alone, containerPort: 7000, address: '::1' });
  assert.deepEqual([only.address, only.alsoAt], ['::1', undefined]);
  assert.match((await heard('::1', alone)) ?? '', /^hello/);
  assert.equal(await heard('127.0.0.1', alone), undefined);
  // What has only one of the two is in the way of the other.
  await assert.rejects(publish({ hostPort: alone, containerPort: 7000 }), { code: protocol.ErrorCode.WrongState });
  // Each sender of UDP gets its answers from where it sent to.
  const echo = await bed.up({
    root: { kind: 'host' },
    args: [
      process.execPath,
      '-e',
      `const socket = require('node:dgram').createSocket('udp4');
       socket.on('message', (message, { port, address }) => socket.send(message, port, address));
       socket.bind(7002);`,
    ],
    ports: [{ hostPort: udp, containerPort: 7002, protocol: 'udp' }],
  });
  for (const [kind, host] of [
    ['udp4', '127.0.0.1'],
    ['udp6', '::1'],
  ] as const) {
    assert.equal(await eventually(`an echo at ${host}`, () => echoed(kind, host, udp)), host);
  }
  for (const container of [id, echo.id]) await remove(container);
});

test('IPv6 goes out by pasta where this machine’s own does, and only there', { skip }, async (t) => {
  const obstacle = (await outboundObstacle(bed.helper))('pasta');
  if (obstacle !== undefined) return t.skip(obstacle);
  await bed.helper.request(protocol.CreateNetwork, { name: 'outward', outbound: 'pasta' });
  const { id } = await bed.up(on('outward'));
  const { way, address6 } = await inspect('outward');
  const route = (await bed.exec(id, 'ip -6 route show default')).stdout;
  const machine = execFileSync('ip', ['-6', 'route', 'show', 'default'], { encoding: 'utf8' });
  assert.equal(way?.ipv6, machine.startsWith('default via'));
  assert.match(route, way.ipv6 ? new RegExp(`^default via ${address6} dev eth0`) : /^$/);
  const address = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .find((one) => one.family === 'IPv6' && !one.internal && one.scopeid === 0)?.address;
  if (way.ipv6 && address !== undefined) {
    const outside = await serve(address);
    t.after(() => outside.close());
    assert.equal(body((await bed.exec(id, fetching(address, outside.port))).stdout), `seen ${address}\n`);
  }
  await remove(id);
});

/** What a server that speaks first says; undefined when it refuses, or says nothing. */
function heard(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect({ host, port });
    socket.setEncoding('utf8').on('data', (part: string) => {
      said += part;
    });
    socket.on('error', () => resolve(undefined));
    socket.on('end', () => resolve(said === '' ? undefined : said));
  });
}

/** The host as it came back; undefined when nothing does within a moment: datagrams may get lost. */
function echoed(kind: 'udp4' | 'udp6', host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(kind);
    const timer = setTimeout(() => finish(undefined), 500);
    const finish = (answer: string | undefined) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    socket.on('error', () => finish(undefined));
    socket.on('message', (message, from) => finish(from.address === host ? message.toString() : undefined));
    // Connected: answers from elsewhere are not taken.
    socket.connect(port, host, () => socket.send(host));
  });
}

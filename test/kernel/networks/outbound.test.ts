import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { TestHelper } from '../support/helper.js';
import { startTimeOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';
import { body, fetching, outboundObstacle, outerAddress, serve } from './outside.js';

const bed = new Bed();
const on = (network: string, more: protocol.ContainerSpecification = {}): protocol.ContainerSpecification => ({
  network: { kind: 'bridge', network },
  capabilities: { add: ['CAP_NET_RAW'] },
  ...more,
});
const inspect = (network: string) => bed.helper.request(protocol.InspectNetwork, { network });
const remove = (container: string) => bed.helper.request(protocol.RemoveContainer, { container, force: true });
/** What a web server answers, or nothing. */
const fetched = async (container: string, address: string, port: number, seconds?: number) =>
  body((await bed.exec(container, fetching(address, port, seconds))).stdout);
/** What does not come at all is not waited for as long as what comes late on a busy machine. */
const soon = 2;

const nobodyOutside = 'this machine has no address but loopback';

for (const program of ['pasta', 'slirp4netns'] as const) {
  test(`${program} leads all containers of a network out by one process, and not to this machine's loopback`, async (t) => {
    const address = outerAddress();
    if (address === undefined) return t.skip(nobodyOutside);
    const obstacle = (await outboundObstacle(bed.helper))(program);
    if (obstacle !== undefined) return t.skip(obstacle);
    const outside = await serve(address);
    const loopback = await serve('127.0.0.1');
    t.after(() => {
      outside.close();
      loopback.close();
    });
    await bed.helper.request(protocol.CreateNetwork, { name: program, outbound: program });
    const one = await bed.up(on(program, { name: `${program}-one` }));
    const { way, holder } = await inspect(program);
    assert.ok(way?.process !== undefined && holder !== undefined);
    const two = await bed.up(on(program, { name: `${program}-two` }));
    assert.deepEqual((await inspect(program)).way, way, 'both go out by the same');
    for (const { id } of [one, two]) {
      assert.equal(await fetched(id, address, outside.port), `seen ${address}\n`);
      assert.equal(await fetched(id, '169.254.2.2', loopback.port, soon), '', 'by the gateway');
      assert.equal(await fetched(id, '127.0.0.1', loopback.port, soon), '');
    }
    assert.equal((await bed.exec(two.id, `ping -c 1 -W 5 ${program}-one`)).exitCode, 0, 'they reach each other, too');
    assert.match((await bed.exec(two.id, 'cat /etc/resolv.conf')).stdout, /^nameserver 169\.254\.2\.3$/m);

    // It has no rights over the network any more, and none of ours.
    const status = readFileSync(`/proc/${way.process.pid}/status`, 'utf8');
    const effective = BigInt(`0x${/^CapEff:\t([0-9a-f]+)$/m.exec(status)?.[1]}`);
    // CAP_NET_ADMIN is 12, CAP_SYS_PTRACE is 19: linux/capability.h.
    assert.equal(effective & ((1n << 12n) | (1n << 19n)), 0n);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);

    // It ends by itself, and comes back.
    process.kill(way.process.pid, 'SIGKILL');
    const again = await eventually('another way out', async () => {
      const { process: now, revivals } = (await inspect(program)).way ?? {};
      return now !== undefined && now.pid !== way.process?.pid ? { pid: now.pid, revivals } : undefined;
    });
    assert.equal(again.revivals, 1);
    await eventually('that it leads out', async () => (await fetched(one.id, address, outside.port)) !== '');

    // With its holder it ends by the kernel's hand; the next start makes both anew.
    process.kill(holder.pid, 'SIGKILL');
    const { pid } = again;
    await eventually('the end of the way out', () => startTimeOf(pid) === undefined);
    const three = await bed.up(on(program));
    for (const { id } of [one, three]) assert.equal(await fetched(id, address, outside.port), `seen ${address}\n`);
    for (const { id } of [one, two, three]) await remove(id);
    const last = (await inspect(program)).way?.process?.pid;
    await bed.helper.request(protocol.RemoveNetwork, { network: program });
    assert.ok(last !== undefined && startTimeOf(last) === undefined, 'it ends with the network');
  });

  test(`${program} leads to this machine's loopback when that is asked for`, async (t) => {
    if (outerAddress() === undefined) return t.skip(nobodyOutside);
    const obstacle = (await outboundObstacle(bed.helper))(program);
    if (obstacle !== undefined) return t.skip(obstacle);
    const loopback = await serve('127.0.0.1');
    t.after(() => loopback.close());
    const name = `${program}-open`;
    await bed.helper.request(protocol.CreateNetwork, { name, outbound: program, hostLoopback: true });
    const { id } = await bed.up(on(name));
    const { way } = await inspect(name);
    assert.equal(await fetched(id, way?.hostLoopback ?? '', loopback.port), 'seen 127.0.0.1\n');
    await remove(id);
  });
}

/** Tries all ways to a server of this machine, and prints those by which it was reached. */
const knock = (targets: readonly object[]) => `
  for (const target of ${JSON.stringify(targets)}) {
    const socket = require('node:net').connect(target);
    socket.setTimeout(3000, () => socket.destroy());
    socket.on('connect', () => { console.log(JSON.stringify(target)); socket.destroy(); });
    socket.on('error', () => {});
  }`;

test('without a way out nothing of this machine is reached: no address, no loopback, no abstract socket', async (t) => {
  const server = createServer((socket) => socket.destroy()).listen(0, '0.0.0.0');
  // Other users of this machine run this test at the same time, in pid namespaces of their own.
  const name = `\0terrarium-test-${process.getuid?.()}-${process.pid}`;
  const abstract = createServer((socket) => socket.destroy()).listen(name);
  t.after(() => {
    server.close();
    abstract.close();
  });
  await eventually('both listeners', () => server.listening && abstract.listening);
  const listening = server.address();
  const port = typeof listening === 'object' && listening !== null ? listening.port : 0;
  const addresses = ['127.0.0.1', outerAddress() ?? '127.0.0.2'];
  const targets = [...addresses.map((host) => ({ host, port })), { path: name }];
  const reached = async (network: protocol.NetworkChoice) => {
    const args = [process.execPath, '-e', knock(targets)];
    const { stdout } = await bed.helper.runToEnd({ root: { kind: 'host' }, args, network });
    return stdout.split('\n').filter((line) => line !== '').length;
  };
  await bed.helper.request(protocol.CreateNetwork, { name: 'moat' });
  assert.equal(await reached({ kind: 'host' }), targets.length, 'what shares the network of this machine reaches all');
  assert.equal(await reached({ kind: 'bridge', network: 'moat' }), 0);
  assert.equal(await reached({ kind: 'none' }), 0);
  const { id } = await bed.up(on('moat'));
  assert.doesNotMatch((await bed.exec(id, 'cat /etc/resolv.conf')).stdout, /^nameserver/m);
  assert.equal((await inspect('moat')).way, undefined);
  await remove(id);
});

test('the network outbound need not be made; one by a program that is missing is refused with how to get it', async (t) => {
  const poor = await TestHelper.start({ ...bed.home, environment: { ...bed.home.environment, PATH: '/nowhere' } });
  t.after(() => poor.stop());
  await assert.rejects(poor.request(protocol.CreateNetwork, { name: 'far', outbound: 'auto' }), (error) => {
    const { code, data } = error as protocol.TerrariumError;
    return code === protocol.ErrorCode.Unavailable && /apt-get install passt/.test(data?.command ?? '');
  });
  const unknown = { name: 'far', outbound: 'sh' as protocol.OutboundChoice };
  await assert.rejects(bed.helper.request(protocol.CreateNetwork, unknown), { code: protocol.ErrorCode.Invalid });
  if (outerAddress() === undefined) return t.skip(nobodyOutside);
  const obstacle = (await outboundObstacle(bed.helper))('pasta');
  if (obstacle !== undefined) return t.skip(obstacle);
  const { id } = await bed.up(on(protocol.outboundNetwork));
  const { outbound, way } = await inspect(protocol.outboundNetwork);
  assert.deepEqual([outbound, way?.program], ['auto', 'pasta']);
  await remove(id);
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { freePort } from '../support/freePort.js';
import { eventually } from '../support/wait.js';
import { listens } from './listening.js';

const bed = new Bed();
const remove = (container: string) => bed.helper.request(protocol.RemoveContainer, { container, force: true });
const publish = (container: string, port: protocol.PortMapping) =>
  bed.helper.request(protocol.PublishPort, { container, port });
const list = (container: string) => bed.helper.request(protocol.ListPorts, { container });

/** Sends all of it, ends its side, and answers what came back until the other side ended. */
async function echoed(port: number, sent: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.end(sent);
  await once(socket, 'end');
  socket.destroy();
  return Buffer.concat(parts);
}

/** What a server that speaks first says: nothing is sent, and the end of its words ends the connection. */
async function said(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  await once(socket, 'end');
  socket.destroy();
  return Buffer.concat(parts).toString();
}

async function refusal(port: number): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1' });
  return new Promise((resolve) => {
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
    // One that is accepted and closed at once without a byte is a refusal, too.
    socket.once('end', () => resolve('EOF'));
    socket.once('data', () => resolve(undefined));
    socket.once('close', () => resolve('EOF'));
  });
}

/** Busybox has no server of UDP, and one of TCP that takes no more than a few at once. */
function server(script: string): protocol.ContainerSpecification {
  return { root: { kind: 'host' }, args: [process.execPath, '-e', script] };
}

const echoTcp = `
  const server = require('node:net').createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  server.listen(7000, '127.0.0.1');
`;

/** A container that gives back what it gets at port 7000. */
async function echo(more: protocol.ContainerSpecification = {}): Promise<protocol.ContainerSummary & { pid: number }> {
  const container = await bed.up({ ...server(echoTcp), ...more });
  await eventually('the echo server', () => listens(container.pid, 7000));
  return container;
}

test('a published TCP port passes on every byte both ways, and the end of each way', async () => {
  const port = await freePort();
  const { id } = await echo({ ports: [{ hostPort: port, containerPort: 7000 }] });
  for (const size of [1, 100_000, 8 * 1024 * 1024]) {
    const sent = randomBytes(size);
    assert.ok((await echoed(port, sent)).equals(sent), `${size} bytes`);
  }
  // Many at once, each its own.
  const many = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const sent = Buffer.from(`${index}`.repeat(2000));
      return (await echoed(port, sent)).equals(sent);
    }),
  );
  assert.ok(many.every(Boolean));
  await remove(id);
  await eventually(
    'the end of the port with that of the container',
    async () => (await refusal(port)) === 'ECONNREFUSED',
  );
});

test('a port is published and withdrawn while the container runs', async () => {
  const port = await freePort();
  const { id } = await echo();
  assert.equal(await refusal(port), 'ECONNREFUSED');
  const published = await publish(id, { hostPort: port, containerPort: 7000 });
  assert.equal((await echoed(port, Buffer.from('hello'))).toString(), 'hello');
  assert.deepEqual(await list(id), [published]);
  const { publisher, alsoAt: _, ...mapping } = published;
  assert.deepEqual(mapping, { hostPort: port, containerPort: 7000, protocol: 'tcp', address: '127.0.0.1' });
  // It has no more rights than it needs.
  const status = readFileSync(`/proc/${publisher.pid}/status`, 'utf8');
  assert.match(status, /^CapEff:\t0+$/m);
  assert.match(status, /^CapPrm:\t0+$/m);
  assert.match(status, /^NoNewPrivs:\t1$/m);
  await bed.helper.request(protocol.WithdrawPort, { container: id, hostPort: port });
  assert.equal(await refusal(port), 'ECONNREFUSED');
  assert.deepEqual(await list(id), []);
  await assert.rejects(bed.helper.request(protocol.WithdrawPort, { container: id, hostPort: port }), {
    code: protocol.ErrorCode.NotFound,
  });
  await remove(id);
});

test('when nobody listens inside, a connection is refused; as soon as somebody does it is not', async () => {
  const port = await freePort();
  const { id } = await bed.up({ ports: [{ hostPort: port, containerPort: 7001 }] });
  assert.notEqual(await refusal(port), undefined);
  // It serves one connection and ends when that ends, be its own words sent or not: so the client may not end it first.
  const served = bed.exec(id, 'echo here | nc -l -p 7001');
  await eventually('somebody inside', async () => (await said(port).catch(() => '')) === 'here\n');
  await served;
  await remove(id);
});

const echoUdp = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (message, { port, address }) => socket.send(message, port, address));
  socket.bind(7002);
`;

test('UDP: each sender gets its own answers', async () => {
  const port = await freePort();
  const { id, pid } = await bed.up({
    ...server(echoUdp),
    ports: [{ hostPort: port, containerPort: 7002, protocol: 'udp' }],
  });
  await eventually('the echo server', () => readFileSync(`/proc/${pid}/net/udp`, 'utf8').includes(':1B5A '));
  const heard = await Promise.all(
    ['croak', 'ribbit', 'quack'].map(async (said) => {
      const socket = createSocket('udp4');
      socket.send(said, port, '127.0.0.1');
      const [answer] = (await once(socket, 'message')) as [Buffer];
      socket.close();
      return answer.toString();
    }),
  );
  assert.deepEqual(heard, ['croak', 'ribbit', 'quack']);
  await remove(id);
});

test('a port that is taken is told with who has it, and the container does not start', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  const hostPort = typeof address === 'object' && address !== null ? address.port : assert.fail('no port');
  const taken = (error: unknown) => {
    const { code, message } = error as protocol.TerrariumError;
    return code === protocol.ErrorCode.WrongState && message.includes(`process ${process.pid} `);
  };
  await assert.rejects(bed.up({ name: 'late', ports: [{ hostPort, containerPort: 7000 }] }), taken);
  assert.ok((await bed.helper.ask(protocol.ListContainers)).every(({ name }) => name !== 'late'));
  const { id } = await bed.up();
  await assert.rejects(publish(id, { hostPort, containerPort: 7000 }), taken);
  assert.deepEqual(await list(id), []);
  await remove(id);
});

test('a command that ends before its port is published is no failure', async () => {
  const hostPort = await freePort();
  assert.equal(await bed.shell('echo done', { ports: [{ hostPort, containerPort: 7000 }] }), 'done\n');
  await eventually('the end of the port', async () => (await refusal(hostPort)) === 'ECONNREFUSED');
});

test('a low port is refused, to root too, whose containers have no more rights than others; with the setting that says so', async (t) => {
  const first = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  if (first <= 1) return t.skip('everybody may have any port of this machine');
  const { id } = await bed.up();
  await assert.rejects(publish(id, { hostPort: 1, containerPort: 7000 }), (error) => {
    const { code, data } = error as protocol.TerrariumError;
    return code === protocol.ErrorCode.Unavailable && data?.errno === 'EACCES';
  });
  await remove(id);
});

test('it outlives the helper that published it, and ends when the container is killed', async () => {
  const port = await freePort();
  const { id, pid } = await echo();
  const other = await bed.another();
  const { publisher } = await other.request(protocol.PublishPort, {
    container: id,
    port: { hostPort: port, containerPort: 7000 },
  });
  await other.stop();
  assert.equal((await echoed(port, Buffer.from('still'))).toString(), 'still');
  assert.equal((await list(id)).length, 1, 'other helpers know of it');
  process.kill(pid, 'SIGKILL');
  await eventually('the end of the publisher', () => !existsSync(`/proc/${publisher.pid}`));
  await remove(id);
});

test('with this machine’s network there is nothing to publish', async () => {
  const hostPort = await freePort();
  const network = { kind: 'host' } as const;
  const invalid = { code: protocol.ErrorCode.Invalid };
  await assert.rejects(bed.up({ network, ports: [{ hostPort, containerPort: 7000 }] }), invalid);
  const { id } = await bed.up({ network });
  await assert.rejects(publish(id, { hostPort, containerPort: 7000 }), invalid);
  await remove(id);
});

test('a port of a container that shares another’s network leads there', async () => {
  const port = await freePort();
  const owner = await echo();
  const guest = await bed.up({ network: { kind: 'container', container: owner.id } });
  await publish(guest.id, { hostPort: port, containerPort: 7000 });
  assert.equal((await echoed(port, Buffer.from('both'))).toString(), 'both');
  for (const { id } of [guest, owner]) await remove(id);
});

/** Who may talk to the zygote and to monitors, and what a hostile client can do: nothing but lose its own connection. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import * as path from 'node:path';
import { test } from 'node:test';
import { encodePlan } from '../../../helper/plan/encode.js';
import { perl } from './perl.js';
import { Product, parentOf, pidOf, processes, procText, until } from './product.js';

const nobody = 65534;

/** Perl that connects, sends, and prints what it got. */
const ask = `use Socket; my ($path, $hex) = @ARGV; socket my $s, AF_UNIX, SOCK_STREAM, 0;
  connect($s, pack_sockaddr_un($path)) or do { print "no connection\\n"; exit };
  $SIG{PIPE} = 'IGNORE'; syswrite $s, pack('H*', $hex); shutdown $s, 1;
  my $got = sysread $s, my $part, 65536; print "answered ", $got // 0, "\\n";`;

const children = (pid: number): number[] =>
  procText(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);

const badPlan = Buffer.from(encodePlan([]));
badPlan.writeUInt16LE(9, 4);
/** Hello from the start, then input. */
const hello = Buffer.alloc(24);
hello.writeUInt8(1, 0);
hello.writeUInt32LE(16, 4);
hello.writeUInt32LE(1, 8);
hello.writeUInt32LE(2, 12);

test('another user is not served, even where the folders let them pass', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('only root can become another user');
    return;
  }
  const product = await Product.start(t);
  const zygote = await product.zygoteSocket();
  const { id } = await product.up({ args: ['/bin/sh', '-c', 'echo private; sleep 1000'] });
  const monitor = path.join(product.runtime, readdirSync(product.runtime).find((name) => name.startsWith(id)) ?? '');
  for (const folder of [process.env.HOME ?? '', process.env.TMPDIR ?? '', product.folder, product.runtime]) {
    if (folder.startsWith('/var/tmp/') || folder.startsWith(product.folder)) chmodSync(folder, 0o755);
  }
  for (const [socket, message] of [
    [zygote, badPlan],
    [monitor, hello],
  ] as const) {
    const [program = '', ...args] = perl(ask, socket, message.toString('hex'));
    const asUser = (uid: number) => spawnSync(program, args, { uid, gid: uid, encoding: 'utf8', cwd: '/' }).stdout;
    assert.equal(asUser(nobody), 'no connection\n', 'sockets are 0600');
    chmodSync(socket, 0o666);
    assert.equal(asUser(nobody), 'answered 0\n', 'who connects is known by credentials');
    assert.match(asUser(0), /^answered [1-9]/, 'control: the user is answered');
  }
});

/** Sends bytes as told, and waits for the end of the connection; answers with what came and how long it took. */
async function exchange(
  socket: string,
  parts: readonly Uint8Array[],
  pause = 0,
): Promise<{ bytes: number; ms: number }> {
  const start = performance.now();
  const connection = createConnection(socket);
  let bytes = 0;
  const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()));
  connection.on('data', (part) => {
    bytes += part.length;
  });
  // The other end may close in the middle of what we say.
  connection.on('error', () => connection.destroy());
  for (const part of parts) {
    if (connection.destroyed) break;
    connection.write(part);
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  await closed;
  return { bytes, ms: performance.now() - start };
}

/** A plan's header with sizes of the attacker's choice. */
function header(count: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(12);
  buffer.writeUInt32LE(0x4e4c5054, 0);
  buffer.writeUInt16LE(1, 4);
  buffer.writeUInt16LE(count, 6);
  buffer.writeUInt32LE(bytes, 8);
  return buffer;
}

test('hostile plans cost a bounded time, and leave the zygote as it was', async (t) => {
  const product = await Product.start(t);
  const socket = await product.zygoteSocket();
  const zygote = await product.zygotePid();
  const settled = () => children(zygote).length === 0;
  await until('it is quiet', settled);
  const memory = () => Number(/^VmRSS:\s*(\d+)/m.exec(procText(zygote, 'status'))?.[1]);
  const descriptors = () => readdirSync(`/proc/${zygote}/fd`).length;
  const before = { memory: memory(), descriptors: descriptors() };
  const whole = Buffer.from(
    encodePlan([
      { kind: 'makeDirectory', path: path.join(product.folder, 'made-by-attack'), mode: 0o700 },
      { kind: 'removeTree', path: path.join(product.folder, 'nothing') },
    ]),
  );
  const refused: Record<string, readonly Uint8Array[]> = {
    'no plan': [Buffer.alloc(64)],
    'a plan of 4 GiB': [header(1, 0xffffffff), Buffer.alloc(65_536)],
    'a megabyte and a bit': [header(1, 1024 * 1024 + 1), Buffer.alloc(1024 * 1024 + 1)],
    'more steps than bytes': [header(65_535, 64), Buffer.alloc(52)],
    'a shorter plan than its header': [header(1, 4)],
    'another version': [badPlan],
  };
  for (const [what, parts] of Object.entries(refused)) {
    const { bytes, ms } = await exchange(socket, parts);
    assert.ok(bytes >= 48, `${what} is answered`);
    assert.ok(ms < 20_000, `${what} took ${ms} ms`);
  }
  // Each byte of a good plan made bad, one at a time: whatever it comes to mean, the zygote is there afterwards.
  for (let at = 0; at < whole.length; at += 3) {
    const changed = Buffer.from(whole);
    changed.writeUInt8(changed.readUInt8(at) ^ 0xff, at);
    if (changed.readUInt32LE(8) <= whole.length) await exchange(socket, [changed]);
  }
  // One that never ends, byte by byte: five seconds in all, not five since the last byte.
  const drip = await exchange(socket, [header(1, 1000), ...Array.from({ length: 120 }, () => Buffer.alloc(1))], 250);
  assert.ok(drip.ms > 4500 && drip.ms < 20_000, `a dripping client was served for ${drip.ms} ms`);
  // Many that say nothing at all.
  const silent = Array.from({ length: 200 }, () => createConnection(socket).on('error', () => undefined));
  assert.equal((await product.run({ args: ['/bin/true'] })).exitCode, 0, 'who is honest is served beside them');
  await until('the silent ones were given up', settled);
  for (const connection of silent) connection.destroy();
  assert.equal(descriptors(), before.descriptors);
  assert.ok(memory() < before.memory + 1024, `${memory()} KiB after ${before.memory}`);
  assert.equal(await product.zygotePid(), zygote, 'the same zygote');
  // Control: unchanged it is carried out.
  await exchange(socket, [whole]);
  assert.ok(readdirSync(product.folder).includes('made-by-attack'), 'control');
});

test('hostile clients of a terminal cost a monitor nothing', async (t) => {
  const product = await Product.start(t);
  const { id, init } = await product.up({ args: ['/bin/sh', '-c', 'echo private; cat'] }, true);
  const monitor = parentOf(pidOf(init));
  const socket = path.join(product.runtime, readdirSync(product.runtime).find((name) => name.startsWith(id)) ?? '');
  await until('it keeps what is printed', async () => (await product.logs(id)) === 'private\n');
  const before = readdirSync(`/proc/${monitor}/fd`).length;
  const message = (type: number, bytes: number, payload = Buffer.alloc(0)): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt8(type, 0);
    head.writeUInt32LE(bytes, 4);
    return Buffer.concat([head, payload]);
  };
  const attacks: Record<string, readonly Uint8Array[]> = {
    'input before hello': [message(2, 4, Buffer.from('rm\n\n'))],
    'an unknown type': [hello, message(99, 0)],
    'hello twice': [hello, hello],
    'input of 4 GiB': [hello, message(2, 0xffffffff)],
    'input above the limit': [hello, message(2, 65_537, Buffer.alloc(65_537))],
    'a resize without a size': [hello, message(4, 0)],
    'a signal too long': [hello, message(5, 8, Buffer.alloc(8))],
    noise: [Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7919) & 0xff))],
    'hello of another version': [Buffer.concat([hello.subarray(0, 8), Buffer.from([9]), hello.subarray(9)])],
  };
  for (const [what, parts] of Object.entries(attacks)) {
    const { ms } = await exchange(socket, parts);
    assert.ok(ms < 20_000, `${what}: closed after ${ms} ms`);
  }
  // Signals that are none, and none that could end the monitor.
  const signals = [0, 65, 1000, 0xffffffff].map((number) => {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(number);
    return message(5, 4, payload);
  });
  const connection = createConnection(socket).on('error', () => undefined);
  connection.write(Buffer.concat([hello, ...signals]));
  // More than it serves, none of which reads.
  const crowd = Array.from({ length: 100 }, () => createConnection(socket).on('error', () => undefined));
  for (const one of crowd) one.pause();
  await until('the crowd was dealt with', () => readdirSync(`/proc/${monitor}/fd`).length <= before + 33);
  for (const one of [...crowd, connection]) one.destroy();
  await until('it holds no descriptor of theirs', () => readdirSync(`/proc/${monitor}/fd`).length === before);
  assert.ok(processes().includes(pidOf(init)), 'the process lives');
  assert.equal(await product.logs(id), 'private\n', 'nothing was put in');

  // Control: a client that knows how to ask is served.
  const honest = createConnection(socket);
  honest.write(Buffer.concat([hello, message(2, 6, Buffer.from('asked\n'))]));
  await until('its input arrives', async () => (await product.logs(id)) === 'private\nasked\n');
  honest.destroy();
  assert.match(readFileSync(`/proc/${monitor}/status`, 'utf8'), /^State:\s*[RSD]/m);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Attachment } from '../../../helper/container/attach.js';

let directory: string;
let socketPath: string;
let server: Server;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'attach-'));
  socketPath = path.join(directory, 'attach');
  server = createServer();
  server.listen(socketPath);
  await once(server, 'listening');
});
afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

async function accept(): Promise<Socket> {
  const [socket] = (await once(server, 'connection')) as [Socket];
  return socket;
}

async function received(socket: Socket, bytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  for (let size = 0; size < bytes; ) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks).toString('hex');
}

const stdout = Buffer.from('02000000010000000100000000000000' + '6f6b', 'hex');
const exit = Buffer.from('0c00000004000000' + '0100000000000000' + '030000000000000000000000', 'hex');

test('messages are as the monitor expects them', async () => {
  const [socket, attachment] = await Promise.all([
    accept(),
    Attachment.connect(socketPath, { hold: true, fromStart: true, replay: 258 }),
  ]);
  const hello = '0100000010000000' + '0100000007000000' + '0201000000000000';
  const expected = `${hello}${'0200000003000000'}616263${'0300000000000000'}${'0400000004000000'}18005000${'0500000004000000'}0f000000`;
  const bytes = received(socket, expected.length / 2);
  await attachment.input(Buffer.from('abc'));
  await attachment.endInput();
  await attachment.resize(24, 80);
  await attachment.signal(15);
  assert.equal(await bytes, expected);
  attachment.close();
});

test('iteration ends with the exit frame', async () => {
  const [socket, attachment] = await Promise.all([accept(), Attachment.connect(socketPath)]);
  socket.write(Buffer.concat([stdout, exit]));
  const types: string[] = [];
  for await (const frame of attachment) types.push(frame.type);
  assert.deepEqual(types, ['stdout', 'exit']);
});

test('a connection lost before the exit frame is an error', async () => {
  const [socket, attachment] = await Promise.all([accept(), Attachment.connect(socketPath)]);
  socket.end(stdout.subarray(0, 17));
  await assert.rejects(async () => {
    for await (const _ of attachment);
  }, /closed the connection/);
});

test('leaving on one’s own ends the iteration', async () => {
  const [socket, attachment] = await Promise.all([accept(), Attachment.connect(socketPath)]);
  socket.write(stdout);
  for await (const frame of attachment) {
    assert.equal(frame.type, 'stdout');
    setImmediate(() => attachment.close());
  }
});

test('nobody listening means that the process has ended', async () => {
  await assert.rejects(Attachment.connect(path.join(directory, 'gone')), { code: 1 });
});

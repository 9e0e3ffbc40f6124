import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { Attachment, attachMessages } from '../../../helper/container/attach.js';
import { openFilesOf } from '../support/kernel.js';
import { build, cleanUp, hear, until, type Watched, watch } from './harness.js';

before(build);
after(cleanUp);

/** Waits until the monitor, which has just begun or been visited, has not opened or closed anything for a while. */
async function atRest(watched: Watched): Promise<void> {
  let before = '';
  await until('the monitor is at rest', async () => {
    before = watched.descriptors().join();
    await new Promise((resolve) => setTimeout(resolve, 200));
    return watched.descriptors().join() === before;
  });
}

test('10,000 resizes: memory and descriptors flat, and the last one counts', async () => {
  const watched = await watch(['sh', '-c', 'read go; stty size'], { streams: 'terminal', sanitized: false });
  const attachment = await Attachment.connect(watched.socket, { fromStart: true, hold: true });
  await attachment.resize(1, 1);
  await atRest(watched);
  const [memory, descriptors] = [watched.ownMemory(), watched.descriptors().length];
  for (let i = 1; i <= 10_000; i++) await attachment.resize(i, 20_000 - i);
  await attachment.resize(0, 50);
  await attachment.resize(50, 0);
  await atRest(watched);
  assert.equal(watched.descriptors().length, descriptors);
  assert.ok(watched.ownMemory() <= memory, `${watched.ownMemory()} KiB after ${memory}`);
  await attachment.input(Buffer.from('\n'));
  assert.match((await hear(attachment)).stdout, /10000 10000\r\n$/);
});

test('1,000 clients come and go: memory and descriptors flat', async () => {
  const watched = await watch(['sh', '-c', 'seq 1000; read go'], { streams: 'stdin', sanitized: false });
  const visit = async () => {
    const attachment = await Attachment.connect(watched.socket, { fromStart: true });
    await hear(attachment, ({ stdout }) => stdout.endsWith('\n1000\n'));
  };
  await visit();
  await atRest(watched);
  const descriptors = watched.descriptors().length;
  const memory = watched.ownMemory();
  assert.ok(watched.privateMemory() <= 300, `${watched.privateMemory()} KiB`);
  for (let i = 0; i < 1000; i++) await visit();
  await until('they have all left', () => watched.descriptors().length === descriptors);
  assert.ok(watched.ownMemory() <= memory, `${watched.ownMemory()} KiB after ${memory}`);
  const last = await Attachment.connect(watched.socket);
  await last.endInput();
  await hear(last);
  assert.equal(await watched.ended, 0);
});

test('32 clients are served, one more is turned away, and a free place is used again', async () => {
  const watched = await watch(['sh', '-c', 'read go; echo gone'], { streams: 'stdin' });
  const clients = await Promise.all(
    Array.from({ length: 32 }, () => Attachment.connect(watched.socket, { fromStart: true })),
  );
  await until('all are there', () => watched.descriptors().length >= 32);
  await assert.rejects(async () => hear(await Attachment.connect(watched.socket)), /closed the connection/);
  clients.pop()?.close();
  await until('a place is free', async () => {
    const next = await Attachment.connect(watched.socket, { fromStart: true });
    const seen = await Promise.race([
      hear(next).then(
        () => 'served',
        () => 'refused',
      ),
      new Promise((resolve) => setTimeout(resolve, 100, 'waiting')),
    ]);
    if (seen !== 'waiting') return false;
    clients.push(next);
    return true;
  });
  const [first] = clients;
  await first?.input(Buffer.from('\n'));
  // The last one's iterator is taken already.
  for (const heard of await Promise.all(clients.slice(0, 31).map((client) => hear(client)))) {
    assert.equal(heard.stdout, 'gone\n');
    assert.equal(heard.exit?.exitCode, 0);
  }
});

const hello = attachMessages.hello({});
for (const [what, bytes] of [
  ['a message before hello', attachMessages.input(Buffer.from('x'))],
  ['a hello of another version', Buffer.concat([hello.subarray(0, 8), Buffer.from([2]), hello.subarray(9)])],
  ['a second hello', Buffer.concat([hello, hello])],
  ['an unknown type', Buffer.concat([hello, Buffer.from([9, 0, 0, 0, 0, 0, 0, 0])])],
  ['input beyond 64 KiB', Buffer.concat([hello, Buffer.from([2, 0, 0, 0, 1, 0, 1, 0])])],
  ['a resize of the wrong length', Buffer.concat([hello, Buffer.from([4, 0, 0, 0, 5, 0, 0, 0, 1, 0, 1, 0, 0])])],
  ['a signal without its number', Buffer.concat([hello, Buffer.from([5, 0, 0, 0, 0, 0, 0, 0])])],
  ['an end of input with a payload', Buffer.concat([hello, Buffer.from([3, 0, 0, 0, 1, 0, 0, 0, 1])])],
] as const) {
  test(`${what} ends the connection, and nothing else`, async () => {
    const watched = await watch(['sh', '-c', 'read line; echo "got $line"'], { streams: 'stdin' });
    const socket = connect(watched.socket);
    socket.on('error', (error: NodeJS.ErrnoException) => assert.ok(['EPIPE', 'ECONNRESET'].includes(error.code ?? '')));
    socket.write(bytes);
    socket.resume();
    await new Promise((resolve) => socket.on('close', resolve));
    const attachment = await Attachment.connect(watched.socket);
    await attachment.input(Buffer.from('on\n'));
    assert.equal((await hear(attachment)).stdout, 'got on\n');
  });
}

test('messages cut at every byte mean the same', async () => {
  const watched = await watch(['sh', '-c', 'read line; echo "got $line"; read line'], { streams: 'stdin' });
  const socket = connect(watched.socket);
  for (const byte of Buffer.concat([hello, attachMessages.input(Buffer.from('cut\n')), attachMessages.endOfInput()])) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  assert.match(Buffer.concat(chunks).toString('latin1'), /got cut\n/);
});

test('a client that says nothing is dropped', async () => {
  const watched = await watch(['sleep', '20']);
  const socket = connect(watched.socket);
  const start = performance.now();
  socket.resume();
  await once(socket, 'close');
  const seconds = (performance.now() - start) / 1000;
  assert.ok(seconds > 4 && seconds < 15, `after ${seconds} s`);
  watched.kill();
});

test('the socket is for its owner alone, and another user is refused by credentials too', async (context) => {
  const watched = await watch(['sleep', '20']);
  const { mode } = statSync(watched.socket);
  assert.equal(mode & 0o777, 0o600);
  const { username } = userInfo();
  if (!readFileSync('/etc/subuid', 'utf8').includes(`${username}:`) || spawnSync('newuidmap').error) {
    return context.skip('no subordinate uids: there is no other user to try with');
  }
  // Let the file permit it, so that only SO_PEERCRED is left to refuse.
  for (let at = watched.socket; statSync(at).uid === process.getuid?.(); at = path.dirname(at))
    chmodSync(at, at === watched.socket ? 0o666 : 0o755);
  const script = `
    const socket = require('net').connect(${JSON.stringify(watched.socket)});
    socket.write(Buffer.from('${hello.toString('hex')}', 'hex'));
    socket.on('error', () => {}).on('close', () => { console.log('closed'); process.exit(); }).resume();
    setTimeout(() => { console.log('served'); process.exit(); }, Number(process.argv[1]));`;
  const ask = async (uid?: number) => {
    // Who is to be refused is waited for until that has happened, however busy the machine is.
    const own = [process.execPath, '-e', script, uid === undefined ? '1000' : '20000'];
    const inNamespace = ['unshare', '--user', '--map-auto', '--map-root-user', 'setpriv', `--reuid=${uid}`, ...own];
    const [program = '', ...args] = uid === undefined ? own : inNamespace;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    for await (const chunk of child.stdout) text += String(chunk);
    return text.trim();
  };
  assert.equal(await ask(), 'served');
  // The same user to the kernel, but this is what a container's root looks like.
  assert.equal(await ask(0), 'closed');
  assert.equal(await ask(5), 'closed');
  watched.kill();
});

test('who asks for word of mounts gets it and the end, no output, and seldom however often they change', async (context) => {
  if (spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status !== 0)
    return context.skip('no user namespace: nothing can be mounted');
  const mounts = 'echo ready; read go; for i in $(seq 200); do mount -t tmpfs none /mnt; umount /mnt; done; read go';
  const watched = await watch(['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', mounts], {
    streams: 'stdin',
  });
  const input = await Attachment.connect(watched.socket, { fromStart: true });
  const following = () => openFilesOf(watched.monitorPid).includes(`/proc/${watched.pid}/mountinfo`);
  await hear(input, ({ stdout }) => stdout === 'ready\n');
  const starter = await Attachment.connect(watched.socket);
  const client = await Attachment.connect(watched.socket, { mounts: true, fromStart: true, hold: true });
  const start = performance.now();
  let words = 0;
  const heard = hear(client, (_, frame) => {
    if (frame.type !== 'mounts') return false;
    words++;
    // The first is for what was mounted before.
    if (words === 1) void starter.input(Buffer.from('go\n'));
    // A word of the mounts that were made: the process may end.
    if (words === 2) void starter.input(Buffer.from('go\n'));
    return false;
  });
  await until('its mounts are followed', following);
  const { stdout, exit, mounts: told } = await heard;
  assert.equal(exit?.exitCode, 0);
  assert.equal(stdout, '');
  assert.ok(told >= 2 && told <= 3 + (performance.now() - start) / 100, `${told} words`);
  starter.close();
  assert.equal(await watched.ended, 0);
});

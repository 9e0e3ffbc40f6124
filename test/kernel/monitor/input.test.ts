import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { Attachment } from '../../../helper/container/attach.js';
import { build, cleanUp, folder, hear, watch } from './harness.js';

before(build);
after(cleanUp);

const everything = { fromStart: true, hold: true };

test('a megabyte of input comes back from a pipe, and its end is the end', async () => {
  const watched = await watch(['cat'], { streams: 'stdin' });
  const attachment = await Attachment.connect(watched.socket, everything);
  const sent = randomBytes(1 << 20);
  const heard = hear(attachment);
  await attachment.input(sent);
  await attachment.endInput();
  const { stdout, exit } = await heard;
  assert.ok(Buffer.from(stdout, 'latin1').equals(sent));
  assert.equal(exit?.exitCode, 0);
});

test('a process that does not read blocks its writer only', async () => {
  const watched = await watch(
    ['sh', '-c', 'trap "echo signalled; exec cat >/dev/null" TERM; echo ready; while :; do sleep 0.05; done'],
    {
      streams: 'stdin',
    },
  );
  await hear(await Attachment.connect(watched.socket, everything), ({ stdout }) => stdout === 'ready\n');
  const writer = await Attachment.connect(watched.socket, everything);
  let taken = 0;
  const writing = (async () => {
    for (; taken < 64; taken++) await writer.input(Buffer.alloc(32 * 1024, 'x'));
    await writer.endInput();
  })();
  const other = await Attachment.connect(watched.socket, everything);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(taken < 32, `${taken} of 64 blocks taken by nobody`);
  const heard = hear(other);
  await other.signal(15);
  await writing;
  const { stdout, exit } = await heard;
  assert.equal(stdout, 'ready\nsignalled\n');
  assert.equal(exit?.exitCode, 0);
});

test('the end of input comes after input that is still on its way', async () => {
  const watched = await watch(['sh', '-c', 'sleep 0.3; exec wc -c'], { streams: 'stdin' });
  const attachment = await Attachment.connect(watched.socket, everything);
  const heard = hear(attachment);
  await attachment.input(Buffer.alloc(200_000));
  await attachment.endInput();
  assert.equal((await heard).stdout.trim(), '200000');
});

test('input after the end, and to a process that reads none, goes nowhere and blocks nobody', async () => {
  const go = path.join(await folder(), 'go');
  const script = 'exec <&-; until [ -e "$0" ]; do sleep 0.05; done; echo done';
  const watched = await watch(['sh', '-c', script, go], { streams: 'stdin' });
  const attachment = await Attachment.connect(watched.socket, everything);
  await attachment.input(Buffer.alloc(300_000));
  await attachment.endInput();
  await attachment.input(Buffer.alloc(300_000));
  writeFileSync(go, '');
  assert.equal((await hear(attachment)).stdout, 'done\n');
});

for (const [what, text, expected] of [
  ['at the start of a line', 'abc\n', 'abc\nabc\n'],
  ['within a line', 'abc', 'abcabc'],
  ['with nothing before it', '', ''],
] as const) {
  test(`the end of input on a terminal, ${what}, ends cat`, async () => {
    const watched = await watch(['sh', '-c', 'stty -echoctl; echo ready; exec cat'], { streams: 'terminal' });
    await hear(await Attachment.connect(watched.socket, everything), ({ stdout }) => stdout === 'ready\r\n');
    const attachment = await Attachment.connect(watched.socket, everything);
    await attachment.input(Buffer.from(text));
    await attachment.endInput();
    const { stdout, exit } = await hear(attachment);
    assert.equal(exit?.exitCode, 0);
    assert.equal(stdout.replaceAll('\r', ''), `ready\n${expected}`);
  });
}

test('a terminal’s own end-of-file character is the one that is sent', async () => {
  const watched = await watch(['sh', '-c', 'stty eof ^X -echo; echo ready; exec cat'], { streams: 'terminal' });
  const attachment = await Attachment.connect(watched.socket, everything);
  const heard = hear(attachment, ({ stdout }, frame) => {
    if (stdout.endsWith('ready\r\n') && frame.type === 'stdout') void attachment.endInput();
    return false;
  });
  assert.equal((await heard).exit?.exitCode, 0);
});

test('a terminal that is full blocks its writer only, and a signal still ends the process', async () => {
  const watched = await watch(['sh', '-c', 'stty raw -echo isig; echo ready; sleep 100'], { streams: 'terminal' });
  const writer = await Attachment.connect(watched.socket, everything);
  await hear(await Attachment.connect(watched.socket, everything), ({ stdout }) => stdout.includes('ready'));
  let taken = 0;
  const writing = (async () => {
    for (; taken < 64; taken++) await writer.input(Buffer.alloc(32 * 1024, 'x'));
  })();
  const refused = assert.rejects(writing, /closed the connection/);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(taken < 64, 'somebody has taken 2 MB');
  const other = await Attachment.connect(watched.socket, everything);
  await other.signal(9);
  assert.equal((await hear(other)).exit?.signal, 9);
  await refused;
});

test('a signal with a number that is none changes nothing', async () => {
  const watched = await watch(['sh', '-c', 'read line; exit 8'], { streams: 'stdin' });
  const attachment = await Attachment.connect(watched.socket, everything);
  await attachment.signal(0);
  await attachment.signal(65);
  await attachment.signal(0xffffffff);
  await attachment.endInput();
  const { exit } = await hear(attachment);
  assert.deepEqual([exit?.exitCode, exit?.signal], [8, 0]);
});

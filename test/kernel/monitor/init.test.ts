import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Attachment } from '../../../helper/container/attach.js';
import { build, cleanUp, hear, until, watch } from './harness.js';

before(build);
after(cleanUp);

const children = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);

test('a supervised command’s status becomes that of PID 1', async () => {
  for (const [script, code] of [
    ['exit 11', 11],
    ['kill -9 $$', 137],
  ] as const) {
    const watched = await watch(['sh', '-c', script], { init: 'supervise' });
    await watched.ended;
    const { exitCode, signal } = await watched.exitRecord();
    assert.deepEqual({ exitCode, signal }, { exitCode: code, signal: 0 });
  }
});

test('signals to PID 1 reach the command', async () => {
  const script =
    'trap "echo terminated" TERM; trap "echo interrupted" INT; trap "exit 4" HUP; echo ready; while :; do sleep 0.05; done';
  const watched = await watch(['sh', '-c', script], { init: 'supervise', streams: 'stdin' });
  const attachment = await Attachment.connect(watched.socket, { fromStart: true });
  const order = [15, 2, 1];
  const { stdout, exit } = await hear(attachment, (_, frame) => {
    const next = frame.type === 'stdout' ? order.shift() : undefined;
    if (next) void attachment.signal(next);
    return false;
  });
  assert.equal(stdout, 'ready\nterminated\ninterrupted\n');
  assert.equal(exit?.exitCode, 4);
});

test('what a terminal sends to its foreground is not forwarded once more', async () => {
  // The command goes back to the group of PID 1, whose terminal it is then: both get the interrupt of the keyboard.
  const script = 'trap "echo interrupted" INT; echo ready; read line; read line; echo over';
  const watched = await watch(['sh', '-c', script], { init: 'shared', streams: 'terminal' });
  const attachment = await Attachment.connect(watched.socket, { fromStart: true });
  let pressed = false;
  const { stdout } = await hear(attachment, (heard) => {
    if (!pressed && heard.stdout.includes('ready')) {
      pressed = true;
      void attachment.input(Buffer.from('\x03'));
      setTimeout(() => void attachment.input(Buffer.from('\n\n')), 300);
    }
    return false;
  });
  assert.equal(stdout.match(/interrupted/g)?.length, 1, stdout);
});

test('orphans are reaped, and the others end with the command', async () => {
  const watched = await watch(['sh', '-c', 'for i in 1 2 3 4 5 6; do (sleep 100 &) ; done; read line'], {
    init: 'supervise',
    streams: 'stdin',
  });
  const orphans = () => children(watched.pid).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
  await until('six orphans and the command', () => children(watched.pid).length === 7 && orphans().length === 6);
  const [orphan = '', ...others] = orphans();
  for (const pid of others) process.kill(Number(pid), 'SIGKILL');
  await until('five are reaped', () => children(watched.pid).length === 2);
  assert.deepEqual(orphans(), [orphan]);
  const attachment = await Attachment.connect(watched.socket);
  await attachment.endInput();
  await hear(attachment);
  assert.equal(readdirSync('/proc').includes(orphan), false);
});

test('an init that stays cannot be looked into, ends with SIGTERM and SIGINT, and with nothing less', async () => {
  for (const signal of [15, 2]) {
    const watched = await watch(['unused'], { init: 'stay' });
    await until('it is ready', () => readFileSync(`/proc/${watched.pid}/comm`, 'utf8') === 'init\n');
    // Its memory is a copy of the zygote's: only who holds that one's user namespace, which here nobody has, may look.
    if (process.getuid?.() !== 0) assert.throws(() => readdirSync(`/proc/${watched.pid}/fd`), { code: 'EACCES' });
    const attachment = await Attachment.connect(watched.socket, { hold: true });
    for (const other of [1, 3, 10, 13, 17]) await attachment.signal(other);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await attachment.signal(signal);
    const { exit } = await hear(attachment);
    assert.deepEqual([exit?.exitCode, exit?.signal], [0, 0]);
  }
});

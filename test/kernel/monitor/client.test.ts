import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { after, before, test } from 'node:test';
import { Attachment } from '../../../helper/container/attach.js';
import { build, cleanUp, folder, hear, program, until, type Watched, watch } from './harness.js';

before(build);
after(cleanUp);

const start = (...args: string[]): ChildProcessWithoutNullStreams => spawn(program('attach_sanitized'), args);

/** Whether a process has a handler for a signal: SigCgt in proc_pid_status(5). */
function catches(pid: number | undefined, signal: NodeJS.Signals): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

async function ended(child: ChildProcessWithoutNullStreams) {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, stdout, stderr };
}

test('streams stay apart, input goes in, and the exit status comes out', async () => {
  const watched = await watch(['sh', '-c', 'read line; echo "out $line"; echo err >&2; exit 42'], { streams: 'stdin' });
  const child = start('--from-start', watched.socket);
  child.stdin.write('in\n');
  assert.deepEqual(await ended(child), { code: 42, signal: null, stdout: 'out in\n', stderr: 'err\n' });
});

test('a process ended by a signal is an exit status above 128', async () => {
  const watched = await watch(['sh', '-c', 'read line; kill -9 $$'], { streams: 'stdin' });
  const child = start(watched.socket);
  child.stdin.end();
  assert.equal((await ended(child)).code, 137);
});

test('megabytes go through in both directions, to the end of input', async () => {
  const watched = await watch(['cat'], { streams: 'stdin' });
  const child = start('--from-start', watched.socket);
  const sent = Buffer.from(Array.from({ length: 300_000 }, (_, i) => `${i}\n`).join(''));
  child.stdin.end(sent);
  const { stdout, code } = await ended(child);
  assert.equal(code, 0);
  assert.ok(stdout === sent.toString());
});

test('without standard input nothing is sent and nothing ends', async () => {
  const watched = await watch(['sh', '-c', 'read line; echo "$line"'], { streams: 'stdin' });
  const child = start('--no-stdin', '--from-start', watched.socket);
  child.stdin.end('not this\n');
  const attachment = await Attachment.connect(watched.socket);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await attachment.input(Buffer.from('this\n'));
  assert.equal((await ended(child)).stdout, 'this\n');
});

test('a client that is stopped holds the process, unless it is told not to', async () => {
  for (const [options, goesOn] of [
    [['--no-hold'], true],
    [[], false],
  ] as const) {
    const watched = await watch(['sh', '-c', 'echo ready; read line; exec seq 600000'], { streams: 'stdin' });
    const child = start('--no-stdin', '--from-start', ...options, watched.socket);
    const all = ended(child);
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    const other = await Attachment.connect(watched.socket);
    await other.input(Buffer.from('go\n'));
    const heard = hear(other);
    // What is held is so for good; what goes on may take its time on a busy machine.
    const first = await Promise.race([
      heard.then(() => true),
      new Promise((resolve) => setTimeout(resolve, goesOn ? 20_000 : 1000, false)),
    ]);
    assert.equal(first, goesOn);
    child.kill('SIGCONT');
    assert.equal((await heard).exit?.exitCode, 0);
    await all;
  }
});

test('who only looks on leaves the terminal its size', async () => {
  const inner = await watch(['sh', '-c', 'echo ready; read line; stty size'], { streams: 'terminal' });
  const owner = await Attachment.connect(inner.socket, { fromStart: true });
  await owner.resize(12, 34);
  const outer = await watch([program('attach_sanitized'), '--no-stdin', '--from-start', inner.socket], {
    streams: 'terminal',
  });
  const onlooker = await Attachment.connect(outer.socket, { fromStart: true });
  await onlooker.resize(55, 66);
  await hear(onlooker, ({ stdout }) => stdout.includes('ready'));
  await owner.input(Buffer.from('\n'));
  assert.match((await hear(owner)).stdout, /12 34/);
});

test('SIGTERM and SIGHUP make it leave; the process goes on', async () => {
  const watched = await watch(['sh', '-c', 'read line; exit 5'], { streams: 'stdin' });
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
  ] as const) {
    const child = start('--from-start', watched.socket);
    await until(`it catches ${signal}`, () => catches(child.pid, signal));
    child.kill(signal);
    assert.equal((await ended(child)).code, code);
  }
  const attachment = await Attachment.connect(watched.socket);
  await attachment.endInput();
  assert.equal((await hear(attachment)).exit?.exitCode, 5);
});

test('a process without a terminal gets the interrupt as a signal', async () => {
  const watched = await watch(['sh', '-c', 'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.05; done']);
  const child = start('--no-terminal', '--no-stdin', '--from-start', watched.socket);
  child.stdout.once('data', () => child.kill('SIGINT'));
  const { code, stdout } = await ended(child);
  assert.deepEqual({ code, stdout }, { code: 3, stdout: 'ready\ncaught\n' });
});

test('a reader of its output that goes away ends it', async () => {
  const watched = await watch(['sh', '-c', 'while :; do echo line; done']);
  const child = start('--from-start', watched.socket);
  child.stdout.once('data', () => child.stdout.destroy());
  assert.equal((await ended(child)).code, 128 + 13);
  watched.kill();
});

test('a process that has ended is told by what is on disk', async () => {
  const first = await watch(['echo', 'of the first run']);
  await first.ended;
  const { directory } = first;
  const watched = await watch(['sh', '-c', 'echo out; echo err >&2; kill -15 $$'], { directory });
  await watched.ended;
  const whole = { code: 143, signal: null, stdout: 'out\n', stderr: 'err\n' };
  assert.deepEqual(await ended(start('--from-start', '--directory', directory, watched.socket)), whole);
  assert.deepEqual(await ended(start('--replay', '1000', '--directory', directory, watched.socket)), whole);
  assert.deepEqual(await ended(start('--replay', '20', '--directory', directory, watched.socket)), {
    ...whole,
    stdout: '',
  });
  assert.deepEqual(await ended(start('--directory', directory, watched.socket)), { ...whole, stdout: '', stderr: '' });
});

test('nothing there, and a monitor that is killed, are told in one line', async () => {
  const directory = await folder();
  const gone = await ended(start(`${directory}/gone`));
  assert.deepEqual(gone, { code: 125, signal: null, stdout: '', stderr: 'terrarium: the process has ended\n' });
  const watched = await watch(['sh', '-c', 'echo ready; exec sleep 100']);
  const child = start('--from-start', watched.socket);
  child.stdout.once('data', () => process.kill(watched.monitorPid, 'SIGKILL'));
  const { code, stderr } = await ended(child);
  assert.equal(code, 125);
  assert.match(stderr, /^terrarium: the monitor closed the connection.*\n$/);
  watched.kill();
});

test('wrong arguments are refused with the usage', async () => {
  for (const args of [[], ['a', 'b'], ['--replay', 'x', 'a'], ['--replay', '-1', 'a'], ['--other', 'a']]) {
    const { code, stderr } = await ended(start(...args));
    assert.equal(code, 2);
    assert.match(stderr, /usage: attach/);
  }
});

/** The client inside a terminal, which another monitor keeps. */
async function inTerminal(inner: Watched, after = ''): Promise<[Watched, Attachment]> {
  const outer = await watch(
    [
      'sh',
      '-c',
      `stty -echo; before=$(stty -g); "$0" --from-start "$1"; echo "status $?"; test "$before" = "$(stty -g)" && echo restored${after}`,
      program('attach_sanitized'),
      inner.socket,
    ],
    { streams: 'terminal' },
  );
  const attachment = await Attachment.connect(outer.socket, { fromStart: true, hold: true });
  await attachment.resize(33, 101);
  return [outer, attachment];
}

test('in a terminal: raw keys, size, resizes, and the mode restored', async () => {
  const inner = await watch(
    [
      'sh',
      '-c',
      'stty -echo; trap "echo size $(stty size)" WINCH; trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 0.05; done',
    ],
    { streams: 'terminal' },
  );
  // A size that is set before there is a trap is not told.
  await hear(await Attachment.connect(inner.socket, { fromStart: true }), ({ stdout }) => stdout.includes('ready'));
  const [, attachment] = await inTerminal(inner);
  let resized = false;
  let interrupted = false;
  const { stdout } = await hear(attachment, (heard) => {
    if (!resized && heard.stdout.includes('ready') && heard.stdout.includes('size ')) {
      resized = true;
      void attachment.resize(44, 102);
    }
    if (!interrupted && resized && (heard.stdout.match(/size /g)?.length ?? 0) > 1) {
      interrupted = true;
      // A key like any other to the outer terminal, which is in raw mode.
      void attachment.input(Buffer.from('\x03'));
    }
    return false;
  });
  assert.match(stdout, /interrupted\r\nstatus 9\r\nrestored\r\n$/);
});

test('in a terminal: the first size is there, and leaving by a signal restores the mode', async () => {
  const inner = await watch(
    ['sh', '-c', 'while [ "$(stty size)" != "33 101" ]; do sleep 0.02; done; echo fits; sleep 100'],
    {
      streams: 'terminal',
    },
  );
  const [outer, attachment] = await inTerminal(inner);
  let killed = false;
  const { stdout } = await hear(attachment, (heard) => {
    if (!killed && heard.stdout.includes('fits')) {
      killed = true;
      const clients = spawn('pkill', ['-TERM', '-P', String(outer.pid)]);
      clients.on('error', (error) => assert.fail(error));
    }
    return false;
  });
  assert.match(stdout, /fits\r\n.*status 143\r\nrestored\r\n$/s);
  await until('the inner process still runs', () => inner.descriptors().length > 0);
  inner.kill();
});

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { Attachment } from '../../../helper/container/attach.js';
import { readOutput } from '../../../helper/container/outputLog.js';
import { build, cleanUp, folder, hear, until, watch } from './harness.js';

before(build);
after(cleanUp);

const texts = async (directory: string) =>
  (await readOutput(directory)).frames.map((frame) =>
    frame.type === 'gap' ? 'gap' : `${frame.type} ${Buffer.from(frame.data)}`,
  );

test('exit code, output and who it was are kept; nothing else is', async () => {
  const before = BigInt(Date.now()) * 1_000_000n;
  const watched = await watch(['sh', '-c', 'echo out; read go; echo err >&2; exit 3'], { streams: 'stdin' });
  const stat = readFileSync(`/proc/${watched.pid}/stat`, 'utf8');
  const startTime = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  // Its output comes first, and then its end.
  const attachment = await Attachment.connect(watched.socket, { fromStart: true });
  await hear(attachment, ({ stdout }) => stdout === 'out\n');
  await (await Attachment.connect(watched.socket)).endInput();
  assert.equal(await watched.ended, 0);
  const { finishedAtNs, ...record } = await watched.exitRecord();
  assert.deepEqual(record, {
    exitCode: 3,
    signal: 0,
    oomKilled: false,
    pid: watched.pid,
    startTime,
    outputStart: '0',
  });
  assert.ok(BigInt(String(finishedAtNs)) > before);
  assert.deepEqual(await texts(watched.directory), ['stdout out\n', 'stderr err\n']);
  assert.deepEqual((await readdir(watched.directory)).sort(), ['exit.json', 'output']);
  assert.equal(existsSync(watched.socket), false);
});

test('the signal that ended it is kept', async () => {
  const watched = await watch(['sleep', '100']);
  process.kill(watched.pid, 'SIGKILL');
  await watched.ended;
  const { exitCode, signal } = await watched.exitRecord();
  assert.deepEqual({ exitCode, signal }, { exitCode: 137, signal: 9 });
});

test('the OOM mark follows the counter of the event file', async () => {
  const directory = await folder();
  const events = path.join(directory, 'events');
  for (const [end, expected] of [
    ['low 0\noom 3\noom_kill 5\noom_group_kill 0\n', false],
    ['low 0\noom 4\noom_kill 6\noom_group_kill 0\n', true],
  ] as const) {
    await writeFile(events, 'low 0\noom 3\noom_kill 5\noom_group_kill 0\n');
    const watched = await watch(['sleep', '100'], { events });
    await writeFile(events, end);
    process.kill(watched.pid, 'SIGKILL');
    await watched.ended;
    assert.equal((await watched.exitRecord()).oomKilled, expected);
  }
});

test('cgroups go in the reverse order of their making', async () => {
  const parent = path.join(await folder(), 'made');
  const child = path.join(parent, 'below');
  await mkdir(child, { recursive: true });
  const watched = await watch(['true'], { cgroups: [parent, child, path.join(parent, 'gone')] });
  await watched.ended;
  assert.equal(existsSync(parent), false);
});

test('a grandchild that holds the output does not keep the end from being told', async () => {
  const watched = await watch(['sh', '-c', '(sleep 30; echo late) & echo $!; exit 4']);
  const start = performance.now();
  assert.equal(await watched.ended, 0);
  assert.ok(performance.now() - start < 15_000);
  assert.equal((await watched.exitRecord()).exitCode, 4);
  const [line = ''] = await texts(watched.directory);
  process.kill(Number(line.split(' ')[1]), 'SIGKILL');
});

test('a grandchild that goes on printing does not either', async () => {
  for (const streams of ['pipes', 'terminal'] as const) {
    const watched = await watch(
      ['sh', '-c', 'trap "" HUP; (while echo noise; do :; done) & echo $! >&3; exec 3>&-; exit 5', 'sh'],
      {
        streams,
        wrapper: ['sh', '-c', 'exec 3>"$0"; exec "$@"', path.join(await folder(), 'pid')],
      },
    );
    assert.equal(await watched.ended, 0);
    assert.equal((await watched.exitRecord()).exitCode, 5);
  }
});

test('what was printed at the last moment is there, on a terminal too', async () => {
  for (const streams of ['pipes', 'terminal'] as const) {
    for (let round = 0; round < 20; round++) {
      const watched = await watch(['sh', '-c', 'printf %4000s last'], { streams, sanitized: false });
      await watched.ended;
      const all = (await texts(watched.directory)).map((text) => text.replace('stdout ', '')).join('');
      assert.equal(all.length, 4000, streams);
      assert.ok(all.endsWith('last'));
    }
  }
});

test('it holds when the zygote is killed, and against the signals it ignores', async () => {
  const watched = await watch(['sh', '-c', 'read go; echo on; exit 6'], { streams: 'stdin' });
  watched.zygote.kill('SIGKILL');
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE'] as const) process.kill(watched.monitorPid, signal);
  const attachment = await Attachment.connect(watched.socket, { fromStart: true });
  await attachment.endInput();
  const heard = await hear(attachment);
  assert.equal(heard.stdout, 'on\n');
  assert.equal(heard.exit?.exitCode, 6);
  assert.equal((await watched.exitRecord()).exitCode, 6);
  await until('the monitor is gone', () => !existsSync(`/proc/${watched.monitorPid}`));
});

test('a process that closes its streams, or its terminal, is watched on without using the processor', async () => {
  for (const streams of ['pipes', 'terminal'] as const) {
    const go = path.join(await folder(), 'go');
    const script = 'exec <&- >&- 2>&-; until [ -e "$0" ]; do sleep 0.1; done; exit 7';
    const watched = await watch(['sh', '-c', script, go], { streams, sanitized: false });
    await new Promise((resolve) => setTimeout(resolve, 1200));
    const fields = readFileSync(`/proc/${watched.monitorPid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const ticks = Number(fields[11]) + Number(fields[12]);
    assert.ok(ticks <= 5, `${ticks} clock ticks of the processor`);
    await writeFile(go, '');
    await watched.ended;
    assert.equal((await watched.exitRecord()).exitCode, 7);
  }
});

test('a second run goes on behind the first one’s output', async () => {
  const first = await watch(['echo', 'one']);
  await first.ended;
  const { directory } = first;
  const second = await watch(['sh', '-c', 'echo two; read line'], { directory, streams: 'stdin' });
  assert.equal(
    existsSync(path.join(directory, 'exit.json')),
    false,
    'the old record must not be taken for the new one',
  );
  const attachment = await Attachment.connect(second.socket, { fromStart: true });
  await attachment.endInput();
  assert.equal((await hear(attachment)).stdout, 'two\n');
  await second.ended;
  assert.deepEqual(await texts(directory), ['stdout one\n', 'stdout two\n']);
  const { outputStart, exitCode } = await second.exitRecord();
  assert.deepEqual({ outputStart, exitCode }, { outputStart: '20', exitCode: 1 });
  assert.deepEqual((await readdir(directory)).sort(), ['exit.json', 'output']);
});

test('a frame that a killed monitor left half written is cut off', async () => {
  const first = await watch(['echo', 'one']);
  await first.ended;
  const { directory } = first;
  await writeFile(path.join(directory, 'output'), 'half', { flag: 'a' });
  await (await watch(['echo', 'two'], { directory })).ended;
  assert.deepEqual(await texts(directory), ['stdout one\n', 'stdout two\n']);
});

test('a launch that fails leaves what was there before', async () => {
  const directory = await folder();
  await assert.rejects(watch(['true'], { directory, events: '/nonexistent' }), /ended with 123: .*No such file/);
  assert.deepEqual(await readdir(directory), []);
  await (await watch(['sh', '-c', 'exit 9'], { directory })).ended;
  const record = readFileSync(path.join(directory, 'exit.json'), 'utf8');
  await assert.rejects(watch(['true'], { directory, events: '/nonexistent' }), /ended with 123/);
  assert.equal(readFileSync(path.join(directory, 'exit.json'), 'utf8'), record);
  await assert.rejects(watch(['true'], { directory: '/nonexistent' }), /ended with 124: .*No such file/);
});

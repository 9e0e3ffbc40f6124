import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { Attachment } from '../../../helper/container/attach.js';
import { type OutputReading, readOutput } from '../../../helper/container/outputLog.js';
import { build, cleanUp, folder, hear, NumberedLines, type Watched, watch } from './harness.js';

before(build);
after(cleanUp);

const noNamespace = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status !== 0;

/** Bytes of output in a log, and bytes that its gaps tell of. */
function total(frames: OutputReading['frames']): { kept: number; missing: number } {
  const sum = { kept: 0, missing: 0 };
  for (const frame of frames) {
    if (frame.type === 'gap') sum.missing += Number(frame.bytes);
    else sum.kept += frame.data.length;
  }
  return sum;
}

/** A monitor whose folder is a small file system of its own, seen from here through its root. */
async function onSmallDisk(command: string[], kilobytes: number): Promise<{ watched: Watched; seen: string }> {
  const directory = await folder();
  const mount = `mount -t tmpfs -o size=${kilobytes}k small "$0" && exec "$@"`;
  const wrapper = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', mount, directory];
  const watched = await watch(command, { directory, streams: 'stdin', limit: 1 << 20, wrapper, sanitized: false });
  return { watched, seen: path.join(`/proc/${watched.zygote.pid}/root`, directory) };
}

test('on a full disk clients still get all, the log has a gap, and the status is kept', async (context) => {
  if (noNamespace) return context.skip('no user namespace: no small file system to fill');
  const { watched, seen } = await onSmallDisk(['sh', '-c', 'read go; seq 300000; read go; exit 7'], 256);
  const live = await Attachment.connect(watched.socket, { fromStart: true, hold: true });
  await live.input(Buffer.from('go\n'));
  const lines = new NumberedLines();
  for await (const frame of live) {
    assert.notEqual(frame.type, 'gap');
    if (frame.type === 'stdout') lines.push(frame.data);
    if (lines.next === 300_001) break;
  }
  const onDisk = total((await readOutput(seen)).frames);
  assert.ok(onDisk.kept > 64 * 1024 && onDisk.kept < 256 * 1024, `${onDisk.kept} bytes fit`);

  // A late one gets what is on disk, and hears of the rest once there is room for that.
  const late = await Attachment.connect(watched.socket, { fromStart: true });
  const heard = hear(late);
  await late.input(Buffer.from('go\n'));
  const { stdout, exit, lost } = await heard;
  assert.equal(exit?.exitCode, 7);
  assert.ok(stdout.startsWith('1\n2\n'));
  const missing = Number(lost.reduce((sum, bytes) => sum + bytes, 0n));
  assert.ok(missing > 0);
  assert.equal(stdout.length + missing, 1_988_895, 'what it did not get it was told of, to the last byte');
});

test('when there is room again the log goes on behind a gap, which those who had all do not get', async (context) => {
  if (noNamespace) return context.skip('no user namespace: no small file system to fill');
  const { watched, seen } = await onSmallDisk(['sh', '-c', 'read go; seq 100000; read go; echo after; read go'], 192);
  const live = await Attachment.connect(watched.socket, { fromStart: true, hold: true });
  // Part of the room, to be given back later.
  writeFileSync(path.join(seen, 'ballast'), Buffer.alloc(64 * 1024));
  await live.input(Buffer.from('go\n'));
  let freed = false;
  const { stdout, lost } = await hear(live, (heard) => {
    if (!freed && heard.stdout.endsWith('\n100000\n')) {
      freed = true;
      rmSync(path.join(seen, 'ballast'));
      void live.input(Buffer.from('go\n'));
    }
    return heard.stdout.endsWith('after\n');
  });
  assert.deepEqual(lost, []);
  assert.equal(stdout.length, 588_895 + 'after\n'.length);
  const { frames } = await readOutput(seen);
  const { kept, missing } = total(frames);
  assert.ok(missing > 0);
  assert.equal(kept + missing, stdout.length, 'the gaps count what is missing');
  const last = frames.at(-1);
  assert.equal(last?.type === 'stdout' && Buffer.from(last.data).toString(), 'after\n');
  const heard = await hear(await Attachment.connect(watched.socket, { fromStart: true }), (all) =>
    all.stdout.endsWith('after\n'),
  );
  assert.equal(heard.stdout.length, kept);
  assert.equal(Number(heard.lost.reduce((sum, bytes) => sum + bytes, 0n)), missing);
  watched.kill();
});

test('a process is not stopped by a full disk that nobody watches', async (context) => {
  if (noNamespace) return context.skip('no user namespace: no small file system to fill');
  const { watched, seen } = await onSmallDisk(['sh', '-c', 'read go; seq 300000; exit 7'], 128);
  const go = await Attachment.connect(watched.socket);
  // Held open, the file system outlives the monitor.
  const held = openSync(seen, 'r');
  await go.input(Buffer.from('go\n'));
  assert.equal(await watched.ended, 0);
  assert.equal(JSON.parse(readFileSync(`/proc/self/fd/${held}/exit.json`, 'utf8')).exitCode, 7);
  closeSync(held);
});

import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { Attachment } from '../../../helper/container/attach.js';
import { readOutput } from '../../../helper/container/outputLog.js';
import { build, cleanUp, hear, NumberedLines, until, watch } from './harness.js';

before(build);
after(cleanUp);

const limit = 1 << 20;

/** Bytes of the log. A file that rotation is just moving counts under the name it had. */
function sizeOnDisk(directory: string): number {
  const files = readdirSync(directory).filter((name) => name.startsWith('output'));
  return files.reduce(
    (sum, name) => sum + (statSync(path.join(directory, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

test('100 MB of numbered lines reach a client that holds: no gap, no duplicate, memory and disk flat', async () => {
  const watched = await watch(['sh', '-c', 'read go; exec seq 12600000'], {
    streams: 'stdin',
    limit,
    sanitized: false,
  });
  const attachment = await Attachment.connect(watched.socket, { hold: true, fromStart: true });
  await attachment.input(Buffer.from('go\n'));
  const lines = new NumberedLines();
  let bytes = 0;
  let frames = 0;
  for await (const frame of attachment) {
    assert.notEqual(frame.type, 'gap');
    if (frame.type !== 'stdout') continue;
    bytes += frame.data.length;
    lines.push(frame.data);
    if (frames++ % 500 === 0) {
      assert.ok(sizeOnDisk(watched.directory) <= 2 * limit, 'rotation bounds the disk');
      assert.ok(watched.privateMemory() <= 300, `${watched.privateMemory()} KiB of private memory`);
    }
  }
  assert.equal(lines.next, 12_600_001);
  assert.ok(bytes > 100_000_000, `${bytes} bytes`);
  assert.equal(await watched.ended, 0);
});

test('two clients that hold get the same, on pipes and on a terminal', async () => {
  for (const streams of ['stdin', 'terminal'] as const) {
    const watched = await watch(['sh', '-c', 'stty -echo 2>&-; read go; exec seq 300000'], { streams, limit });
    const options = { hold: true, fromStart: true };
    const [one, two] = await Promise.all([
      Attachment.connect(watched.socket, options),
      Attachment.connect(watched.socket, options),
    ]);
    await one.input(Buffer.from('go\n'));
    const heard = await Promise.all([hear(one), hear(two)]);
    assert.equal(heard[0].stdout, heard[1].stdout);
    const lines = new NumberedLines();
    lines.push(Buffer.from(heard[0].stdout.replace(/\r/g, '').replace(/^go\n/, '')));
    assert.equal(lines.next, 300_001, streams);
  }
});

test('a client killed midway loses nothing to the next one but what rotation dropped', async () => {
  const watched = await watch(['sh', '-c', 'seq 400000; read go; seq 400001 800000'], { streams: 'stdin', limit });
  const first = await Attachment.connect(watched.socket, { fromStart: true });
  await hear(first, (heard) => heard.stdout.length > 100_000);
  first.close();
  // seq has printed 2.7 MB by now, into files of 1 MiB.
  await until('the first half is printed', () => sizeOnDisk(watched.directory) > limit);
  await until('all of it', async () => {
    const { frames } = await readOutput(watched.directory, 0n, 1 << 30);
    const last = frames.at(-1);
    return last?.type === 'stdout' && Buffer.from(last.data).toString('latin1').endsWith('\n400000\n');
  });
  const kept = await readOutput(watched.directory, 0n, 1 << 30);
  const [gap] = kept.frames;
  assert.equal(gap?.type, 'gap');

  const second = await Attachment.connect(watched.socket, { fromStart: true, hold: true });
  await second.input(Buffer.from('go\n'));
  const lines = new NumberedLines();
  const lost: bigint[] = [];
  for await (const frame of second) {
    if (frame.type === 'gap') {
      lost.push(frame.bytes);
      lines.gap();
    } else if (frame.type === 'stdout') {
      lines.push(frame.data);
    }
  }
  assert.deepEqual(lost, [gap.bytes], 'one gap, of what the disk does not have any more');
  assert.equal(lines.next, 800_001);
  assert.ok((lines.first ?? 0) > 100_000);
});

test('a slow client that does not hold is told what it has missed, and goes on', async () => {
  const watched = await watch(['sh', '-c', 'read go; seq 1500000; read go'], { streams: 'stdin', limit });
  const slow = await Attachment.connect(watched.socket, { fromStart: true });
  await slow.input(Buffer.from('go\n'));
  await until('all is printed', async () => {
    const last = (await readOutput(watched.directory, 0n, 1 << 30)).frames.at(-1);
    return last?.type === 'stdout' && Buffer.from(last.data).toString('latin1').endsWith('\n1500000\n');
  });
  const lines = new NumberedLines();
  let gaps = 0;
  for await (const frame of slow) {
    if (frame.type === 'gap') {
      gaps++;
      lines.gap();
    } else if (frame.type === 'stdout') {
      lines.push(frame.data);
      if (lines.next === 1_500_001) await slow.input(Buffer.from('go\n'));
    }
  }
  // Node reads a little ahead, so there may be output between two of them.
  assert.ok(gaps >= 1);
  assert.equal(lines.next, 1_500_001);
});

test('a client that never reads does not stop the process, unless it holds', async () => {
  for (const hold of [false, true]) {
    const watched = await watch(['sh', '-c', 'read go; exec seq 1500000'], { streams: 'stdin', limit });
    const deaf = await Attachment.connect(watched.socket, { fromStart: true, hold });
    await deaf.input(Buffer.from('go\n'));
    if (hold) {
      const size = () => sizeOnDisk(watched.directory);
      await until('it prints', () => size() > limit / 2);
      // Once it stands still it does so for good.
      let before = -1;
      await until('the log stands still', async () => {
        before = size();
        await new Promise((resolve) => setTimeout(resolve, 300));
        return size() === before;
      });
      assert.equal((await readOutput(watched.directory)).frames[0]?.type, 'stdout', 'nothing is rotated away from it');
      deaf.close();
    }
    assert.equal(await watched.ended, 0);
    const last = (await readOutput(watched.directory, 0n, 1 << 30)).frames.at(-1);
    assert.ok(last?.type === 'stdout' && Buffer.from(last.data).toString('latin1').endsWith('\n1500000\n'));
    deaf.close();
  }
});

test('a client that reads slowly after the end gets all, if it holds', async () => {
  const watched = await watch(['sh', '-c', 'read go; exec seq 100000'], { streams: 'stdin', limit });
  const attachment = await Attachment.connect(watched.socket, { fromStart: true, hold: true });
  await attachment.input(Buffer.from('go\n'));
  await until('the end is recorded before this client has read it all', async () => {
    return await watched.exitRecord().then(
      () => true,
      () => false,
    );
  });
  const lines = new NumberedLines();
  let pauses = 0;
  for await (const frame of attachment) {
    if (frame.type === 'stdout') lines.push(frame.data);
    if (pauses++ < 6) await new Promise((resolve) => setTimeout(resolve, 500));
  }
  assert.equal(lines.next, 100_001);
});

test('a replay begins at a whole frame within the last bytes asked for', async () => {
  const watched = await watch(['sh', '-c', 'for i in 1 2 3 4 5; do echo line $i; sleep 0.05; done; read go'], {
    streams: 'stdin',
  });
  const all = await hear(await Attachment.connect(watched.socket, { fromStart: true }), ({ stdout }) =>
    stdout.endsWith('line 5\n'),
  );
  assert.equal(all.stdout, 'line 1\nline 2\nline 3\nline 4\nline 5\n');
  const frameBytes = 16 + 'line 1\n'.length;
  for (const [replay, expected] of [
    [2 * frameBytes, 'line 4\nline 5\n'],
    [2 * frameBytes + 1, 'line 4\nline 5\n'],
    [2 * frameBytes - 1, 'line 5\n'],
    [1_000_000, all.stdout],
  ] as const) {
    const heard = await hear(await Attachment.connect(watched.socket, { replay }), ({ stdout }) =>
      stdout.endsWith('line 5\n'),
    );
    assert.equal(heard.stdout, expected, `replay of ${replay} bytes`);
  }
  const now = await Attachment.connect(watched.socket);
  await now.input(Buffer.from('\n'));
  assert.equal((await hear(now)).stdout, '', 'without a replay only what comes');
});

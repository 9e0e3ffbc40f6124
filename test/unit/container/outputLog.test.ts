import assert from 'node:assert/strict';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { readOutput, toLogEntry } from '../../../helper/container/outputLog.js';

const made: string[] = [];
after(() => Promise.all(made.map((folder) => rm(folder, { recursive: true }))));

async function folder(): Promise<string> {
  const made_ = await mkdtemp(path.join(tmpdir(), 'output-'));
  made.push(made_);
  return made_;
}

function frame(text: string, type = 1): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(text.length, 0);
  header.writeUInt8(type, 4);
  header.writeBigUInt64LE(7n, 8);
  return Buffer.concat([header, Buffer.from(text)]);
}

function file(base: number, ...frames: Buffer[]): Buffer {
  const header = Buffer.alloc(16);
  header.write('TOUT', 'latin1');
  header.writeUInt32LE(1, 4);
  header.writeBigUInt64LE(BigInt(base), 8);
  return Buffer.concat([header, ...frames]);
}

const texts = (reading: Awaited<ReturnType<typeof readOutput>>) =>
  reading.frames.map((one) => (one.type === 'gap' ? `gap ${one.bytes}` : Buffer.from(one.data).toString()));

test('a directory without output gives none', async () => {
  assert.deepEqual(await readOutput(await folder()), { frames: [], next: 0n });
});

test('the older file comes first, and a limit cuts at whole frames', async () => {
  const directory = await folder();
  await writeFile(path.join(directory, 'output.old'), file(0, frame('a'), frame('b', 2)));
  await writeFile(path.join(directory, 'output'), file(34, frame('c'), frame('d')));
  const all = await readOutput(directory);
  assert.deepEqual(texts(all), ['a', 'b', 'c', 'd']);
  assert.deepEqual(
    all.frames.map(({ type }) => type),
    ['stdout', 'stderr', 'stdout', 'stdout'],
  );
  assert.equal(all.next, 68n);

  const pieces: string[] = [];
  for (let from = 0n; ; ) {
    const reading = await readOutput(directory, from, 1);
    if (reading.next === from) break;
    assert.equal(reading.frames.length, 1);
    pieces.push(...texts(reading));
    from = reading.next;
  }
  assert.deepEqual(pieces, ['a', 'b', 'c', 'd']);
});

test('what rotation dropped is a gap', async () => {
  const directory = await folder();
  await writeFile(path.join(directory, 'output.old'), file(1000, frame('y')));
  await writeFile(path.join(directory, 'output'), file(1017, frame('z')));
  assert.deepEqual(texts(await readOutput(directory, 300n)), ['gap 700', 'y', 'z']);
  assert.deepEqual(texts(await readOutput(directory, 1017n)), ['z']);
  assert.deepEqual(texts(await readOutput(directory, 1034n)), []);
});

test('one file seen under both names is read once', async () => {
  const directory = await folder();
  await writeFile(path.join(directory, 'output.old'), file(0, frame('a')));
  await writeFile(path.join(directory, 'output'), file(0, frame('a')));
  assert.deepEqual(texts(await readOutput(directory)), ['a']);
});

test('a frame that is being written is left for the next call', async () => {
  const directory = await folder();
  const whole = file(0, frame('a'), frame('bcd'));
  const output = path.join(directory, 'output');
  await writeFile(output, whole);
  await truncate(output, whole.length - 1);
  const first = await readOutput(directory);
  assert.deepEqual(texts(first), ['a']);
  await writeFile(output, whole);
  assert.deepEqual(texts(await readOutput(directory, first.next)), ['bcd']);
});

test('a file of another kind, and an offset inside a frame, are refused', async () => {
  const directory = await folder();
  await writeFile(path.join(directory, 'output'), 'something else, long enough');
  await assert.rejects(readOutput(directory), { code: 7 });
  await writeFile(path.join(directory, 'output'), file(0, frame('a'.repeat(50))));
  await assert.rejects(readOutput(directory, 20n), { code: 7 });
});

test('log entries carry bytes as base64, and a gap its size', () => {
  assert.deepEqual(toLogEntry({ type: 'stderr', time: 1763000000000000001n, data: Buffer.from([0xff, 0]) }), {
    stream: 'stderr',
    time: '1763000000000000001',
    data: '/wA=',
  });
  assert.equal(Buffer.from(toLogEntry({ type: 'gap', time: 0n, bytes: 12n }).data, 'base64').toString(), '12');
});

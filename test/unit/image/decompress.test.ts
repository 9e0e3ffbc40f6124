import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { bunzip2 } from '../../../helper/image/bunzip2.js';
import { unzstd } from '../../../helper/image/unzstd.js';

const content = Buffer.concat([
  Buffer.from(Array.from({ length: 30_000 }, (_, index) => `line ${index} ${index % 7}\n`).join('')),
  Buffer.alloc(2_000_000),
]);

const readers = [
  { command: ['zstd', '-c', '--check'], read: unzstd },
  { command: ['zstd', '-c', '-1', '--no-check'], read: unzstd },
  { command: ['bzip2', '-c'], read: bunzip2 },
  { command: ['bzip2', '-c', '-1'], read: bunzip2 },
];

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}

function packed([program = '', ...args]: readonly string[], input = content): Buffer | undefined {
  const ended = spawnSync(program, args, { input, maxBuffer: 2 ** 26 });
  return ended.status === 0 ? ended.stdout : undefined;
}

for (const { command, read } of readers) {
  const name = command.join(' ');
  test(`${name}: whole, in pieces of any size, and several after one another`, async (t) => {
    const bytes = packed(command);
    if (!bytes) return t.skip(`${command[0]} is not installed`);
    for (const size of [1 << 20, 4097, 7]) {
      assert.ok((await collect(read(pieces(bytes, size)))).equals(content), `pieces of ${size}`);
    }
    const twice = Buffer.concat([bytes, bytes]);
    assert.equal((await collect(read(pieces(twice, 1000)))).length, 2 * content.length);
  });

  test(`${name}: cut off anywhere it is an error`, async (t) => {
    const bytes = packed(command);
    if (!bytes) return t.skip(`${command[0]} is not installed`);
    for (const cut of [3, 10, Math.floor(bytes.length / 2), bytes.length - 1]) {
      await assert.rejects(collect(read(pieces(bytes.subarray(0, cut), 4096))), `cut at ${cut}`);
    }
  });
}

for (const { command, read } of readers.filter(({ command }) => !command.includes('--no-check'))) {
  test(`${command.join(' ')}: a bit that flipped is an error`, async (t) => {
    const bytes = packed(command);
    if (!bytes) return t.skip(`${command[0]} is not installed`);
    for (let at = 20; at < bytes.length; at += Math.ceil(bytes.length / 25)) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      await assert.rejects(collect(read(pieces(damaged, 4096))), `byte ${at}`);
    }
  });
}

test('zstd: frames that are to be skipped are', async (t) => {
  const bytes = packed(['zstd', '-c', '--check']);
  if (!bytes) return t.skip('zstd is not installed');
  const skippable = Buffer.from('502a4d180300000061626364', 'hex').subarray(0, 11);
  const all = Buffer.concat([skippable, bytes, skippable]);
  for (const size of [1, 5, 4096]) assert.ok((await collect(unzstd(pieces(all, size)))).equals(content), `${size}`);
});

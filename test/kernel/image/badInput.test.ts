import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { type Bed, fingerprint, makeBed, run } from './bed.js';
import { entry, paxArchive } from './rawTar.js';

/** A store that holds one image, an archive that can be imported, and how the store looked. */
async function furnished(bed: Bed): Promise<{ tar: string; before: string }> {
  const source = path.join(bed.work, 'source');
  mkdirSync(path.join(source, 'etc'), { recursive: true });
  writeFileSync(path.join(source, 'etc/random'), randomBytes(2_000_000));
  writeFileSync(path.join(source, 'etc/text'), 'some text\n'.repeat(100_000));
  const tar = path.join(bed.work, 'root.tar');
  run('direct', ['tar', '-cf', tar, '-C', source, 'etc']);
  await bed.store.import({ file: tar, name: 'other' });
  return { tar, before: fingerprint(bed.images) };
}

async function refused(bed: Bed, before: string, file: string, message: RegExp): Promise<void> {
  await assert.rejects(
    bed.store.import({ file, name: 'new' }),
    (error: { code: number; message: string; data: object }) => {
      assert.match(error.message, message, `${file}: ${error.message}`);
      assert.equal(error.code, ErrorCode.BadInput);
      return true;
    },
  );
  assert.ok(fingerprint(bed.images) === before, `${file}: the store is as before`);
}

test('a truncated archive gives one error and leaves nothing, wherever and however it was cut', async (t) => {
  const bed = makeBed(t);
  const { tar, before } = await furnished(bed);
  for (const [command, ending] of [
    ['cat', 'tar'],
    ['gzip', 'gz'],
    ['xz -0', 'xz'],
    ['zstd', 'zst'],
    ['bzip2', 'bz2'],
  ]) {
    const whole = path.join(bed.work, `whole.${ending}`);
    run('direct', ['sh', '-c', `${command} < "$1" > "$2"`, 'sh', tar, whole]);
    const size = readFileSync(whole).length;
    // In the middle of a header, of a file, and (for tar) between two entries; compressed ones lose their end too.
    const cuts = ending === 'tar' ? [100, 512, 700, 1_000_000] : [20, Math.floor(size / 2), size - 3];
    for (const cut of cuts) {
      const file = path.join(bed.work, `cut-${cut}.${ending}`);
      run('direct', ['cp', whole, file]);
      truncateSync(file, cut);
      await refused(bed, before, file, /cut off|not a tar archive/);
    }
  }
});

test('a damaged archive is told from a good one', async (t) => {
  const bed = makeBed(t);
  const { tar, before } = await furnished(bed);
  for (const [command, ending] of [
    ['gzip', 'gz'],
    ['xz -0', 'xz'],
    ['zstd --check', 'zst'],
    ['bzip2', 'bz2'],
  ]) {
    const file = path.join(bed.work, `damaged.${ending}`);
    run('direct', ['sh', '-c', `${command} < "$1" > "$2"`, 'sh', tar, file]);
    const bytes = readFileSync(file);
    bytes.fill(0x55, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 2000);
    writeFileSync(file, bytes);
    await refused(bed, before, file, /damaged/);
  }
  const file = path.join(bed.work, 'checksum.tar');
  const bytes = paxArchive([
    { name: 'etc/', type: '5' },
    { name: 'etc/file', content: 'x' },
  ]);
  bytes[512] = 0x66;
  writeFileSync(file, bytes);
  await refused(bed, before, file, /damaged: a header whose checksum is wrong/);
});

test('what is no root file system is named', async (t) => {
  const bed = makeBed(t);
  const { before } = await furnished(bed);
  const cases: readonly (readonly [name: string, content: Buffer | string, message: RegExp])[] = [
    ['empty', '', /is empty/],
    ['text', 'hello\n'.repeat(1000), /not a tar archive/],
    ['short', 'x', /not a tar archive/],
    ['zip', 'PK\x03\x04 and more', /it is a zip archive/],
    ['no entries', Buffer.alloc(10240), /archive is empty/],
    ['split', Buffer.concat([entry({ name: 'etc/split', type: 'M' }), Buffer.alloc(1024)]), /a split file/],
    [
      'sparse',
      paxArchive([
        {
          name: 'x',
          content: 'abc',
          pax: { 'GNU.sparse.major': '1', 'GNU.sparse.map': '0,2', 'GNU.sparse.realsize': '9' },
        },
      ]),
      /more content than its map/,
    ],
    [
      'overlapping',
      paxArchive([{ name: 'x', content: 'abc', pax: { 'GNU.sparse.map': '0,2,1,1', 'GNU.sparse.size': '9' } }]),
      /overlap/,
    ],
    ['negative size', paxArchive([{ name: 'etc/f', pax: { size: '-5' } }]), /not a valid size/],
    [
      'record',
      Buffer.concat([entry({ name: 'x', type: 'x', content: '99 path=a\n' }), Buffer.alloc(1024)]),
      /wrong length/,
    ],
  ];
  for (const [name, content, message] of cases) {
    const file = path.join(bed.work, name);
    writeFileSync(file, content);
    await refused(bed, before, file, message);
  }
  await refused(bed, before, bed.work, /not a regular file/);
  await refused(bed, before, path.join(bed.work, 'missing'), /Cannot open the archive: ENOENT/);
  const fifo = path.join(bed.work, 'fifo');
  run('direct', ['mkfifo', fifo]);
  await refused(bed, before, fifo, /not a regular file/);
  if (process.getuid?.() !== 0) {
    const closed = path.join(bed.work, 'closed');
    writeFileSync(closed, 'x');
    chmodSync(closed, 0);
    await refused(bed, before, closed, /EACCES/);
  }
});

test('names: a wrong one and a taken one are refused before anything is read', async (t) => {
  const bed = makeBed(t);
  const { before } = await furnished(bed);
  const nothing = path.join(bed.work, 'missing');
  await assert.rejects(bed.store.import({ file: nothing, name: '../x' }), { code: ErrorCode.Invalid });
  await assert.rejects(bed.store.import({ file: nothing, name: 'other' }), { code: ErrorCode.NameTaken });
  await assert.rejects(bed.store.resolve('new'), { code: ErrorCode.NotFound });
  await assert.rejects(bed.store.remove('new'), { code: ErrorCode.NotFound });
  assert.ok(fingerprint(bed.images) === before);
});

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { layerAgent } from '../../../helper/image/layerAgent.js';
import type { QuotaLimits } from '../../../helper/image/quota.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { type Bed, makeBed, run } from '../../kernel/image/bed.js';
import { header, paxArchive, type RawEntry } from '../../kernel/image/rawTar.js';

/** Unpacks with a quota of the test's choice, and tells whether it was refused; then nothing is left. */
async function unpack(
  bed: Bed,
  archive: string,
  quota: Partial<QuotaLimits>,
): Promise<{ code: number; message: string } | undefined> {
  const target = path.join(bed.work, 'target');
  mkdirSync(target, { recursive: true });
  const [tree, blob] = [path.join(target, 'tree'), path.join(target, 'blob')];
  try {
    await layerAgent(bed.agent).unpack({ archive: { path: archive }, tree, blob, quota });
  } catch (error) {
    assert.deepEqual(readdirSync(target), [], 'nothing is left');
    return error as { code: number; message: string };
  }
  await layerAgent(bed.agent).removeTree(target);
  assert.equal(existsSync(target), false);
  return undefined;
}

test('a small archive that becomes huge is stopped, for every compression', async (t) => {
  const bed = makeBed(t);
  const size = 64 * 2 ** 20;
  for (const [command, ending] of [
    ['gzip -9', 'gz'],
    ['xz -1', 'xz'],
    ['zstd', 'zst'],
    ['bzip2', 'bz2'],
  ]) {
    const file = path.join(bed.work, `bomb.${ending}`);
    const head = path.join(bed.work, 'head');
    writeFileSync(head, header({ name: 'zeros', size }));
    run('direct', [
      'sh',
      '-c',
      `(cat "$1"; head -c ${size} /dev/zero | tr '\\0' x; head -c 1024 /dev/zero) | ${command} > "$2"`,
      'sh',
      head,
      file,
    ]);
    const refused = await unpack(bed, file, { ratioFrom: 2 ** 20 });
    assert.equal(refused?.code, ErrorCode.BadInput, ending);
    assert.match(refused?.message ?? '', /more than 300 times its size/);
    assert.equal(await unpack(bed, file, {}), undefined, 'control: below the threshold it is unpacked');
  }
});

test('zeros become holes: they count less, but not nothing', async (t) => {
  const bed = makeBed(t);
  const size = 64 * 2 ** 20;
  const file = path.join(bed.work, 'zeros.xz');
  const head = path.join(bed.work, 'head');
  writeFileSync(head, header({ name: 'zeros', size }));
  run('direct', ['sh', '-c', `(cat "$1"; head -c ${size + 1024} /dev/zero) | xz -1 > "$2"`, 'sh', head, file]);
  assert.match((await unpack(bed, file, { ratioFrom: 2 ** 20 }))?.message ?? '', /more than 300 times its size/);
  assert.equal(await unpack(bed, file, { ratioFrom: 2 ** 25 }), undefined, 'control');
});

test('one large file in an archive that is not compressed is no bomb', async (t) => {
  const bed = makeBed(t);
  const file = path.join(bed.work, 'large.tar');
  writeFileSync(file, paxArchive([{ name: 'large', content: Buffer.alloc(2 ** 22, 'x') }]));
  assert.equal(await unpack(bed, file, { ratioFrom: 2 ** 20 }), undefined);
});

test('a size that does not fit on the disk is refused before anything is written', async (t) => {
  const bed = makeBed(t);
  const file = path.join(bed.work, 'claims.tar');
  writeFileSync(file, paxArchive([{ name: 'huge', content: 'x', size: 1, pax: { size: String(2 ** 50) } }]));
  await assert.rejects(bed.store.import({ file, name: 'huge' }), (error: { code: number; data: { errno: string } }) => {
    assert.equal(error.code, ErrorCode.Unavailable);
    assert.equal(error.data.errno, 'ENOSPC');
    return true;
  });
  // The same without the claim is an archive like others.
  writeFileSync(file, paxArchive([{ name: 'huge', content: 'x' }]));
  await bed.store.import({ file, name: 'huge' });
});

test('too many entries and too many folders are stopped', async (t) => {
  const bed = makeBed(t);
  const many = (type: string): RawEntry[] =>
    Array.from({ length: 1000 }, (_, index) => ({ name: `e${index}${type === '5' ? '/' : ''}`, type }));
  const file = path.join(bed.work, 'many.tgz');
  writeFileSync(file, gzipSync(paxArchive(many('0'))));
  assert.match((await unpack(bed, file, { entries: 999 }))?.message ?? '', /more than 999 entries/);
  assert.equal(await unpack(bed, file, { entries: 1000 }), undefined);
  writeFileSync(file, gzipSync(paxArchive(many('5'))));
  assert.match((await unpack(bed, file, { folders: 999 }))?.message ?? '', /more than 999 folders/);
  // Folders that are not listed count too.
  writeFileSync(file, gzipSync(paxArchive([{ name: `${'d/'.repeat(30)}file` }])));
  assert.match((await unpack(bed, file, { folders: 29 }))?.message ?? '', /more than 29 folders/);
  assert.equal(await unpack(bed, file, { folders: 30 }), undefined);
});

test('very deep trees are unpacked and removed, or refused', async (t) => {
  const bed = makeBed(t);
  const file = path.join(bed.work, 'deep.tar');
  const deep = (depth: number) => paxArchive([{ name: 'x', pax: { path: `${'d/'.repeat(depth)}file` }, content: 'x' }]);
  writeFileSync(file, deep(1500));
  await bed.store.import({ file, name: 'deep' });
  await bed.store.remove('deep');
  assert.deepEqual(readdirSync(path.join(bed.images, 'ingest')), []);
  writeFileSync(file, deep(2100));
  await assert.rejects(bed.store.import({ file, name: 'deep' }), /longer than 4095 bytes/);
  assert.deepEqual(readdirSync(path.join(bed.images, 'ingest')), []);
});

test('names that no file can have are refused', async (t) => {
  const bed = makeBed(t);
  const file = path.join(bed.work, 'names.tar');
  const refuse = async (entries: RawEntry[], message: RegExp) => {
    writeFileSync(file, paxArchive(entries));
    await assert.rejects(bed.store.import({ file, name: 'names' }), message);
  };
  await refuse([{ name: 'x', pax: { path: 'n'.repeat(256) } }], /longer than 255 bytes/);
  await refuse([{ name: '' }], /an entry without a name/);
  await refuse([{ name: './', type: '2', link: 'etc' }], /its root is a symlink/);
  await refuse(
    [
      { name: 'etc', content: 'x' },
      { name: 'etc/passwd', content: 'x' },
    ],
    /leads through something that is no folder/,
  );
  await refuse(
    [
      { name: 'a', type: '2', link: 'a' },
      { name: 'a/b', content: 'x' },
    ],
    /leads through a loop of links/,
  );
  await refuse([{ name: 'x', type: 'x', content: Buffer.alloc(2 ** 21) }], /extended header of 2097152 bytes/);
  writeFileSync(file, paxArchive([{ name: 'x', pax: { path: 'n'.repeat(255) } }]));
  await bed.store.import({ file, name: 'names' });
});

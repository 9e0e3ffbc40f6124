import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { makeBed, run } from './bed.js';

const gibibyte = 2 ** 30;
/** Enough pieces for headers that extend the header, in GNU's old format. */
const offsets = Array.from({ length: 40 }, (_, index) => index * 100 * 2 ** 20);

function pieceAt(file: string, offset: number): string {
  const fd = openSync(file, 'r');
  const bytes = Buffer.alloc(4096);
  const count = readSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
  return bytes.toString('latin1', 0, count);
}

test('sparse files of more than 4 GB stay sparse, in every format of GNU tar that has them', async (t) => {
  const { work, store } = makeBed(t);
  const source = path.join(work, 'source');
  mkdirSync(source);
  const fd = openSync(path.join(source, 'disk'), 'wx');
  for (const offset of offsets) writeSync(fd, Buffer.from(`piece at ${offset}`.padEnd(4096, '.')), 0, 4096, offset);
  ftruncateSync(fd, 5 * gibibyte + 123);
  closeSync(fd);
  for (const options of [['--format=posix'], ['--format=posix', '--sparse-version=0.1'], ['--format=gnu']]) {
    const name = options
      .join('')
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replace(/^-/, '');
    const file = path.join(work, `${name}.tar`);
    run('direct', ['tar', '--sparse', ...options, '-cf', file, '-C', source, 'disk']);
    const { sizeBytes } = await store.import({ file, name });
    const disk = path.join((await store.resolve(name)).layers[0] ?? '', 'disk');
    const status = statSync(disk);
    assert.equal(status.size, 5 * gibibyte + 123, name);
    assert.ok(status.blocks * 512 < 4 * 2 ** 20, `${name}: ${status.blocks} blocks`);
    assert.ok(sizeBytes < 4 * 2 ** 20);
    for (const offset of offsets) {
      assert.equal(pieceAt(disk, offset), `piece at ${offset}`.padEnd(4096, '.'), `${name} at ${offset}`);
      assert.equal(pieceAt(disk, offset + 50 * 2 ** 20), '\0'.repeat(4096));
    }
  }
});

test('a file of zeros in an archive that is not sparse takes no room either', async (t) => {
  const { work, store } = makeBed(t);
  const source = path.join(work, 'source');
  mkdirSync(source);
  const content = Buffer.alloc(32 * 2 ** 20);
  content.write('begin');
  content.write('middle', 20_000_000);
  writeFileSync(path.join(source, 'disk'), content);
  const file = path.join(work, 'zeros.tgz');
  run('direct', ['tar', '-czf', file, '-C', source, 'disk']);
  await store.import({ file, name: 'zeros' });
  const disk = path.join((await store.resolve('zeros')).layers[0] ?? '', 'disk');
  run('direct', ['cmp', disk, path.join(source, 'disk')]);
  assert.ok(statSync(disk).blocks * 512 < 2 ** 20);
});

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { layerAgent } from '../../../helper/image/layerAgent.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { randomFrom } from '../../kernel/image/random.js';
import { header, paxArchive, type RawEntry, withChecksum } from '../../kernel/image/rawTar.js';
import { look, makeArena } from './arena.js';

/** Milliseconds, so that a slow machine tries fewer; the first ones are always tried. */
const budget = 6000;
const atLeast = 100;

/** Pieces of names that mean something to somebody. */
const pieces = ['a', 'b', 'c', '.', '', '.wh.a', 'link', 'x'.repeat(120)];
/** Those for which an archive is refused: rare, so that others are unpacked. */
const refusedPieces = ['..', '.wh..', '.wh...', '.wh..wh..opq'];
const types = ['0', '1', '2', '3', '5', '6', '7', 'S', 'L', 'K', 'x', 'g', 'D', 'V', 'Z', '\0'];

test('whatever an archive says, nothing outside changes, and what is refused is gone', async (t) => {
  const arena = makeArena(t);
  const agent = layerAgent(arena.agent);
  const before = look(arena);
  const target = path.join(arena.images, 'a/b/c');
  mkdirSync(target, { recursive: true });
  const archive = path.join(arena.work, 'fuzz.tar');
  let [unpacked, refused] = [0, 0];
  const start = Date.now();
  for (let seed = 1; seed <= atLeast || (Date.now() - start < budget && seed < 2000); seed++) {
    writeFileSync(archive, randomArchive(seed, arena.up));
    const tree = path.join(target, 'tree');
    try {
      await agent.unpack({ archive: { path: archive }, tree, layer: seed % 2 === 0, quota: { bytes: 2 ** 24 } });
      unpacked++;
      await agent.removeTree(tree);
    } catch (error) {
      const { code, message } = error as { code: number; message: string };
      // Never a defect of ours, and never an agent that died.
      assert.ok(code === ErrorCode.BadInput || code === ErrorCode.Unavailable, `seed ${seed}: ${code} ${message}`);
      refused++;
    }
    assert.deepEqual(readdirSync(target), [], `seed ${seed} leaves nothing`);
  }
  assert.equal(look(arena), before, 'nothing outside was touched');
  assert.ok(unpacked > 5 && refused > 5, `both happen: ${unpacked} unpacked, ${refused} refused`);
});

function randomArchive(seed: number, outside: string): Buffer {
  const random = randomFrom(seed);
  const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T;
  const piece = () => pick(random(40) === 0 ? refusedPieces : pieces);
  const name = () => (random(40) === 0 ? outside : Array.from({ length: 1 + random(3) }, piece).join('/'));
  const entries: RawEntry[] = Array.from({ length: 1 + random(12) }, () => {
    const type = random(8) === 0 ? pick(types) : pick(['0', '0', '2', '5', '5']);
    const content = type === '0' ? 'x'.repeat(random(700)) : '';
    const raw: RawEntry = {
      name: name().slice(0, 99) || 'a',
      type,
      link: name().slice(0, 99),
      mode: random(0o10000),
      content,
    };
    return random(20) === 0 ? { ...raw, pax: { [pick(['path', 'linkpath', 'size', 'GNU.sparse.map'])]: name() } } : raw;
  });
  const bytes = paxArchive(entries);
  if (random(3) === 0) {
    // Damage: anywhere, and then in a header whose checksum is made right again.
    for (let count = random(8); count > 0; count--) bytes[random(bytes.length)] = random(256);
    const block = random(Math.floor(bytes.length / 512)) * 512;
    withChecksum(bytes.subarray(block, block + header({ name: 'x' }).length));
  }
  return bytes;
}

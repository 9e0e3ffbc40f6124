/** An import attacked by an archive: a canary outside, and an applier that is naive on purpose to prove the attack. */
import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { importArchive } from '../../../helper/image/import/importer.js';
import { layerAgent } from '../../../helper/image/layerAgent.js';
import { type Bed, makeBed, run } from '../../kernel/image/bed.js';
import { layoutFiles, makeImage, makeLayer, writeFolder } from '../../kernel/image/imageFiles.js';
import { paxArchive, type RawEntry } from '../../kernel/image/rawTar.js';

export interface Arena extends Bed {
  outside: string;
  /** From the root of a tree being unpacked, in the store and for the naive applier alike. */
  up: string;
}

export function makeArena(t: TestContext): Arena {
  const bed = makeBed(t);
  const outside = path.join(bed.work, '..', 'outside');
  mkdirSync(path.join(outside, 'canary'), { recursive: true });
  writeFileSync(path.join(outside, 'canary/file'), 'alive');
  chmodSync(path.join(outside, 'canary/file'), 0o640);
  // images/ingest/UUID/layer/root
  return { ...bed, outside, up: '../../../../../outside/canary' };
}

/** All that can be seen of the canary and its surroundings: names, types, modes, links, times, content. */
export function look(arena: Arena): string {
  const script = `cd "$1" && find . -printf '%y %m %n %s %T@ %p %l\\n' | sort && find . -type f -exec sha256sum {} +`;
  return run('direct', ['sh', '-c', script, 'sh', arena.outside]);
}

export interface Naivety {
  /** What becomes of names and of targets of hard links: two that become one are one file. */
  reads?: (name: string) => string;
  whiteouts?: boolean;
}

/** Where archives are applied naively: as deep as where the store unpacks them. */
export function naiveRoot(arena: Arena): string {
  return path.join(arena.work, '../naive/a/b/c/root');
}

/** Joins paths and lets the kernel follow whatever it likes. What is in the way of a link is replaced. */
export function applyNaively(arena: Arena, entries: readonly RawEntry[], naivety: Naivety = {}): void {
  const root = naiveRoot(arena);
  mkdirSync(root, { recursive: true });
  const reads = naivety.reads ?? ((name: string) => name);
  const placed = (name: string) => (path.isAbsolute(name) ? name : `${root}/${name}`);
  for (const entry of entries) {
    const name = reads(String(entry.pax?.path ?? entry.name));
    const link = String(entry.pax?.linkpath ?? entry.link ?? '');
    const target = placed(name);
    const base = path.basename(name);
    if (naivety.whiteouts && base.startsWith('.wh.')) {
      rmSync(`${path.dirname(target)}/${base.slice('.wh.'.length)}`, { recursive: true, force: true });
      continue;
    }
    mkdirSync(path.dirname(target), { recursive: true });
    if (entry.type === '1' || entry.type === '2') rmSync(target, { recursive: true, force: true });
    if (entry.type === '5') mkdirSync(target, { recursive: true });
    else if (entry.type === '2') symlinkSync(link, target);
    else if (entry.type === '1') linkSync(placed(reads(link)), target);
    else writeFileSync(target, entry.content ?? '');
    if (entry.type === '5' || entry.type === undefined) chmodSync(target, entry.mode ?? 0o755);
  }
}

/** Imports an image of one layer. @returns its tree */
export async function importLayer(arena: Arena, entries: readonly RawEntry[]): Promise<string> {
  const layout = path.join(arena.work, 'layout');
  writeFolder(layout, layoutFiles({ evil: makeImage([makeLayer(entries)]) }));
  await importArchive({ store: arena.store, agent: layerAgent(arena.agent) }, { file: layout }, {});
  return (await arena.store.resolve('evil')).layers[0] ?? '';
}

/**
 * Imports an archive, contained or refused, and finds the outside untouched. Then applies it naively, which must
 * touch it: otherwise the attack was none.
 * @returns the tree, or undefined when the archive was refused.
 */
export async function attack(
  arena: Arena,
  entries: readonly RawEntry[],
  expected: { refused: RegExp } | 'contained',
  naivety: Naivety = {},
): Promise<string | undefined> {
  const before = look(arena);
  const file = path.join(arena.work, 'attack.tar');
  writeFileSync(file, paxArchive(entries));
  let tree: string | undefined;
  if (expected === 'contained') {
    await arena.store.import({ file, name: 'attack' });
    tree = (await arena.store.resolve('attack')).layers[0];
  } else {
    await assert.rejects(arena.store.import({ file, name: 'attack' }), expected.refused);
  }
  assert.equal(look(arena), before, 'nothing outside was touched');
  applyNaively(arena, entries, naivety);
  assert.notEqual(look(arena), before, 'control: applied naively, this archive does harm');
  return tree;
}

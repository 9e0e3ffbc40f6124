/**
 * What advisories about other programs that unpack archives have in common here: an archive like theirs is imported by
 * the agent and must do no harm, and the same archive must do harm to those who trust it, or it would prove nothing.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { ErrorCode } from '../../../../helper/protocol/errors.js';
import { fingerprint, run } from '../../../kernel/image/bed.js';
import { paxArchive, type RawEntry } from '../../../kernel/image/rawTar.js';
import { type Arena, applyNaively, importLayer, makeArena, type Naivety, naiveRoot } from '../arena.js';

export interface Attack {
  /** Names outside of the root are `arena.up`, from the root, and `canaryOf(arena)`. */
  entries: (arena: Arena) => readonly RawEntry[];
  /** How the import must end: with this error and nothing kept, or with a tree. */
  outcome: { refused: RegExp } | { contained: (tree: string, arena: Arena) => void };
  /** Who is harmed by it. */
  harms: Victim;
  /** As a layer of an image; otherwise as a whole root. */
  layer?: boolean;
}

/** Unpacks below `naiveRoot(arena)`. */
export type Victim = (arena: Arena, archive: string, entries: readonly RawEntry[]) => void;

/** GNU tar, told that names and links are to be taken as they are. */
export const gnuTar: Victim = (arena, archive) => {
  const trusting = ['--absolute-names', '--recursive-unlink', '--no-same-owner'];
  run('direct', ['tar', '--extract', ...trusting, '--file', archive, '--directory', naiveRoot(arena)]);
};

/** An applier with the weakness that an advisory is about, where GNU tar on Linux has nothing like it. */
export const naively =
  (naivety: Naivety): Victim =>
  (arena, _archive, entries) =>
    applyNaively(arena, entries, naivety);

/** Beside the victim's root: for names of which only one step up is hidden. */
export const besideRoot = 'secret';

/** The folder outside that must stay as it is; it holds `file`. */
export const canaryOf = (arena: Arena): string => path.join(arena.outside, 'canary');

/** Imports the archive, checks how it ended and that nothing outside has changed, and then has the victim unpack it. */
export async function repelled(t: TestContext, { entries, outcome, harms, layer = false }: Attack): Promise<void> {
  const arena = makeArena(t);
  mkdirSync(naiveRoot(arena), { recursive: true });
  writeFileSync(path.join(naiveRoot(arena), '..', besideRoot), 'alive');
  await arena.store.list();
  const made = entries(arena);
  const archive = path.join(arena.work, 'attack.tar');
  writeFileSync(archive, paxArchive(made));
  const before = { outside: surroundings(arena), store: fingerprint(arena.images) };
  const imported = layer ? importLayer(arena, made) : importRoot(arena, archive);
  if ('refused' in outcome) {
    await assert.rejects(imported, { code: ErrorCode.BadInput, message: outcome.refused });
    assert.equal(fingerprint(arena.images), before.store, 'nothing is left in the store');
  } else {
    const tree = await imported;
    assert.deepEqual(readdirSync(path.join(arena.images, 'ingest')), []);
    assert.deepEqual(readdirSync(path.dirname(tree)).sort(), ['layer.json', 'root'], 'nothing beside the tree');
    outcome.contained(tree, arena);
  }
  assert.equal(surroundings(arena), before.outside, 'nothing outside was touched');
  harms(arena, archive, made);
  assert.notEqual(surroundings(arena), before.outside, 'control: whoever trusts this archive is harmed');
}

async function importRoot(arena: Arena, file: string): Promise<string> {
  await arena.store.import({ file, name: 'attack' });
  return (await arena.store.resolve('attack')).layers[0] ?? '';
}

/** All that lies around the store and the victim's root: names, types, modes, links, times, content. */
function surroundings(arena: Arena): string {
  const rest = `find . \\( -path ./images -o -path ./work -o -path ./naive/a/b/c/root \\) -prune -o`;
  const script = `cd "$1" && ${rest} -printf '%y %m %n %s %T@ %p %l\\n' | sort && ${rest} -type f -exec sha256sum {} +`;
  return run('direct', ['sh', '-c', script, 'sh', path.dirname(arena.outside)]);
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { everything } from '../export/trees.js';
import { Bed } from '../support/bed.js';
import { packRoot } from '../support/root.js';

const bed = new Bed();

/** What a test expects to be there: a small model of a file system. */
type Node = FileNode | FolderNode | { type: 'symlink'; target: string };
interface FileNode {
  type: 'file';
  content: string;
  mode: number;
  names: number;
}
interface FolderNode {
  type: 'directory';
  mode: number;
  entries: Map<string, Node>;
}

const folder = (entries: Record<string, Node> = {}): FolderNode => ({
  type: 'directory',
  mode: 0o755,
  entries: new Map(Object.entries(entries)),
});
const file = (content: string): FileNode => ({ type: 'file', content, mode: 0o644, names: 1 });

const initial = (): FolderNode =>
  folder({
    a: file('first'),
    b: file('second'),
    empty: file(''),
    link: { type: 'symlink', target: 'a' },
    d: folder({ x: file('dx'), y: file('dy'), deep: folder({ z: file('z'), er: folder({ end: file('end') }) }) }),
    e: folder({ only: file('only') }),
    none: folder(),
  });

/** mulberry32: the same seed, the same test. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}

interface Place {
  at: string;
  name: string;
  parent: FolderNode;
  node: Node;
}

function places(root: FolderNode, at = '/w'): Place[] {
  return [...root.entries].flatMap(([name, node]) => [
    { at: `${at}/${name}`, name, parent: root, node },
    ...(node.type === 'directory' ? places(node, `${at}/${name}`) : []),
  ]);
}

/** Makes one change to the model, and answers the command that makes it. Undefined when the dice ask for nothing possible. */
function change(root: FolderNode, dice: (below: number) => number, step: number): string | undefined {
  const all = places(root);
  const folders = [{ at: '/w', node: root }, ...all.filter((place) => place.node.type === 'directory')] as {
    at: string;
    node: FolderNode;
  }[];
  const pick = <T>(list: readonly T[]): T | undefined => list[dice(list.length)];
  const target = pick(all);
  const into = pick(folders);
  if (target === undefined || into === undefined) return undefined;
  const fresh = pick(['a', 'b', 'd', 'x', `n${step}`]) ?? 'n';
  const isFree = !into.node.entries.has(fresh);
  const { node, at } = target;
  switch (dice(9)) {
    case 0: {
      if (node.type !== 'file') return undefined;
      node.content = `written ${step}`;
      return `printf 'written ${step}' > ${at}`;
    }
    case 1: {
      if (node.type === 'symlink') return undefined;
      node.mode = pick([0o600, 0o644, 0o755, 0o700]) ?? 0o600;
      // A folder that its owner may not enter would end the test, not the product.
      if (node.type === 'directory') node.mode |= 0o700;
      return `chmod ${node.mode.toString(8)} ${at}`;
    }
    case 2: {
      for (const { node: gone } of [target, ...(node.type === 'directory' ? places(node) : [])]) {
        if (gone.type === 'file') gone.names--;
      }
      target.parent.entries.delete(target.name);
      return `rm -r ${at}`;
    }
    case 3: {
      if (!isFree) return undefined;
      into.node.entries.set(fresh, file(`new ${step}`));
      return `printf 'new ${step}' > ${into.at}/${fresh}`;
    }
    case 4: {
      if (!isFree) return undefined;
      into.node.entries.set(fresh, folder());
      return `mkdir ${into.at}/${fresh}`;
    }
    case 5: {
      if (!isFree || node.type === 'directory') return undefined;
      target.parent.entries.delete(target.name);
      into.node.entries.set(fresh, node);
      return `mv ${at} ${into.at}/${fresh}`;
    }
    case 6: {
      if (!isFree || node.type !== 'file') return undefined;
      node.names++;
      into.node.entries.set(fresh, node);
      return `ln ${at} ${into.at}/${fresh}`;
    }
    case 7: {
      if (!isFree) return undefined;
      into.node.entries.set(fresh, { type: 'symlink', target: `t${step}` });
      return `ln -s t${step} ${into.at}/${fresh}`;
    }
    default: {
      // Where overlayfs refuses to move a folder mv copies it, and links between files may become copies.
      if (!isFree || node.type !== 'directory' || `${into.at}/`.startsWith(`${at}/`)) return undefined;
      if (places(node).some(({ node: inside }) => inside.type === 'file' && inside.names > 1)) return undefined;
      target.parent.entries.delete(target.name);
      into.node.entries.set(fresh, node);
      return `mv ${at} ${into.at}/${fresh}`;
    }
  }
}

/** What is different between two states of the model. */
function compare(before: FolderNode, after: FolderNode, at = '/w'): string[] {
  const names = [...new Set([...before.entries.keys(), ...after.entries.keys()])];
  return names.flatMap((name) => {
    const [old, now] = [before.entries.get(name), after.entries.get(name)];
    const where = `${at}/${name}`;
    if (now === undefined) return [`deleted ${where}`];
    if (old === undefined) return [`added ${where}`];
    if (old.type === 'directory' && now.type === 'directory') {
      return [...(old.mode === now.mode ? [] : [`modified ${where} mode`]), ...compare(old, now, where)];
    }
    if (old.type === 'file' && now.type === 'file') {
      const what = [...(old.content === now.content ? [] : ['content']), ...(old.mode === now.mode ? [] : ['mode'])];
      return what.length === 0 ? [] : [`modified ${where} ${what.join('+')}`];
    }
    if (old.type === 'symlink' && now.type === 'symlink') {
      return old.target === now.target ? [] : [`modified ${where} target`];
    }
    return [`modified ${where} type`];
  });
}

/** The answer in the model's words: a rename is a file that is gone and one that is there. */
function inWords(changes: readonly protocol.Change[]): string[] {
  return changes.flatMap(({ kind, path: at, what, from }) =>
    kind === 'renamed'
      ? [`added ${at}`, `deleted ${from}`]
      : [`${kind} ${at}${what === undefined ? '' : ` ${what.join('+')}`}`],
  );
}

function make(at: string, root: FolderNode): void {
  mkdirSync(at, { recursive: true });
  for (const [name, node] of root.entries) {
    const where = path.join(at, name);
    if (node.type === 'directory') make(where, node);
    else if (node.type === 'file') writeFileSync(where, node.content);
    else execFileSync('ln', ['-s', node.target, where]);
  }
}

let made: Promise<protocol.RootSource> | undefined;
function root(): Promise<protocol.RootSource> {
  made ??= (async () => {
    make(path.join(bed.rootFolder, 'w'), initial());
    const archive = packRoot(bed.rootFolder, path.join(bed.home.folder, 'model.tar'), 'plain');
    await bed.helper.request(protocol.ImportImage, { file: archive, name: 'model' });
    return { kind: 'image', name: 'model' } as const;
  })();
  return made;
}

for (let seed = 1; seed <= 12; seed++) {
  test(`random changes, seed ${seed}: what is listed, what a commit keeps, what a revert undoes`, async () => {
    const { id } = await bed.up({ root: await root() });
    const model = initial();
    const dice = random(seed);
    const commands = Array.from({ length: 60 }, (_, step) => change(model, dice, step)).filter(
      (one) => one !== undefined,
    );
    assert.ok(commands.length > 20, 'the dice ask for something');
    const { exitCode, stderr } = await bed.exec(id, ['set -e; umask 022', ...commands].join('\n'));
    assert.equal(exitCode, 0, stderr);
    const { changes } = await bed.helper.request(protocol.ListChanges, { container: id });
    assert.deepEqual(inWords(changes).sort(), compare(initial(), model).sort(), commands.join('\n'));
    if (seed % 4 === 0) {
      const name = `model-${seed}`;
      await bed.helper.request(protocol.CommitContainer, { container: id, name });
      const committed = await bed.shell(everything, { root: { kind: 'image', name } });
      assert.equal(committed, (await bed.exec(id, everything)).stdout, commands.join('\n'));
    }
    await bed.helper.request(protocol.RevertChanges, { container: id, paths: changes.map((one) => one.path) });
    const { changes: left } = await bed.helper.request(protocol.ListChanges, { container: id });
    assert.deepEqual(left, [], commands.join('\n'));
  });
}

/** What a stack of layers must look like, by image-spec layer.md alone: trees in memory, merged bottom to top. */
import { randomFrom } from './random.js';
import type { RawEntry } from './rawTar.js';

interface Folder {
  kind: 'd';
  mode: number;
  children: Map<string, Node>;
  /** Names below it that a layer hides, and whether it hides all of them. */
  hidden: Set<string>;
  opaque: boolean;
}
type Node = Folder | { kind: 'f'; mode: number; content: string } | { kind: 'l'; target: string };

const folder = (mode: number): Folder => ({ kind: 'd', mode, children: new Map(), hidden: new Set(), opaque: false });

const names = ['a', 'b', 'c'];
const entriesPerLayer = 14;

/** A layer: entries in an order that appliers must not depend on more than they may, and the tree they make. */
function randomLayer(random: (below: number) => number): { entries: RawEntry[]; tree: Folder } {
  const tree = folder(0o755);
  const entries: RawEntry[] = [];
  const files: string[] = [];
  while (entries.length < entriesPerLayer) {
    const components = Array.from({ length: 1 + random(3) }, () => names[random(names.length)] ?? 'a');
    const name = components.pop() ?? 'a';
    const parent = parentOf(tree, components);
    // Through a file of the same layer no name can lead: such archives are refused.
    if (!parent) continue;
    const path = [...components, name].join('/');
    const there = parent.children.get(name);
    const mode = [0o755, 0o700, 0o2711, 0o1777][random(4)] ?? 0o755;
    switch (random(7)) {
      case 0:
      case 1:
        entries.push({ name: `${path}/`, type: '5', mode });
        if (there?.kind === 'd') there.mode = mode;
        else parent.children.set(name, folder(mode));
        break;
      case 2:
      case 3: {
        const content = `${path} ${entries.length} ${random(1000)}`;
        entries.push({ name: path, content, mode });
        parent.children.set(name, { kind: 'f', mode, content });
        files.push(path);
        break;
      }
      case 4:
        entries.push({ name: path, type: '2', link: `to-${random(9)}` });
        parent.children.set(name, { kind: 'l', target: entries.at(-1)?.link ?? '' });
        break;
      case 5:
        entries.push({ name: [...components, `.wh.${name}`].join('/') });
        parent.hidden.add(name);
        break;
      default:
        if (random(3) === 0) {
          entries.push({ name: [...components, '.wh..wh..opq'].join('/') });
          parent.opaque = true;
        } else {
          const source = files[random(files.length || 1)];
          const node = source === undefined ? undefined : at(tree, source.split('/'));
          if (source === undefined || node?.kind !== 'f' || `${source}/`.startsWith(`${path}/`)) continue;
          entries.push({ name: path, type: '1', link: source });
          parent.children.set(name, node);
        }
    }
  }
  return { entries, tree };
}

/** The folder at these components, made as appliers make what is not listed; undefined when something else is there. */
function parentOf(tree: Folder, components: readonly string[]): Folder | undefined {
  let current = tree;
  for (const name of components) {
    const next = current.children.get(name) ?? folder(0o755);
    if (next.kind !== 'd') return undefined;
    current.children.set(name, next);
    current = next;
  }
  return current;
}

function at(tree: Folder, components: readonly string[]): Node | undefined {
  let current: Node | undefined = tree;
  for (const name of components) current = current?.kind === 'd' ? current.children.get(name) : undefined;
  return current;
}

function merge(lower: Node | undefined, upper: Node): Node {
  if (upper.kind !== 'd') return upper;
  const merged = folder(upper.mode);
  if (lower?.kind === 'd' && !upper.opaque) {
    for (const [name, node] of lower.children) if (!upper.hidden.has(name)) merged.children.set(name, node);
  }
  // What a layer brings itself it does not hide, but shows alone.
  for (const [name, node] of upper.children) merged.children.set(name, merge(merged.children.get(name), node));
  return merged;
}

/** Lines as `describe` of the test writes them, except for the root itself. */
function lines(tree: Folder, prefix = ''): string[] {
  return [...tree.children].flatMap(([name, node]) => {
    const path = prefix + name;
    if (node.kind === 'l') return [`l ${path} -> ${node.target}`];
    const mode = node.mode.toString(8);
    if (node.kind === 'f') return [`f ${mode} ${path}: ${node.content}`];
    return [`d ${mode} ${path}`, ...lines(node, `${path}/`)];
  });
}

/** Layers, bottom first, and what they are together. */
export function randomStack(seed: number): { layers: RawEntry[][]; expected: string[] } {
  const random = randomFrom(seed);
  const made = Array.from({ length: 1 + random(4) }, () => randomLayer(random));
  const merged = made.reduce<Node | undefined>((lower, { tree }) => merge(lower, tree), undefined);
  return {
    layers: made.map(({ entries }) => entries),
    expected: merged?.kind === 'd' ? lines(merged).sort() : [],
  };
}

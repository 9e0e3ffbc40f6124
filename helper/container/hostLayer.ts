import { createHash } from 'node:crypto';
import { constants, promises as fs } from 'node:fs';
import * as path from 'node:path';
import { mknodat } from '../../native/bindings/at.js';
import { AT_FDCWD } from '../../native/bindings/openat2.js';
import { setXattr } from '../../native/bindings/xattr.js';

/**
 * A layer of folders that lies between this machine's system and a container's own layer. It does two things that a bare
 * overlay cannot:
 *
 * - It hides. Temporary files and the state of other engines are not the container's business: in this layer they are
 *   opaque, so they appear empty, and writable. Single files get a whiteout, and are not there.
 * - It makes folders writable. The host's folders belong to a root that does not exist in the user namespace, so root
 *   inside may not create anything in them. A folder that is merged takes its owner from the topmost layer, which is us.
 */
const writable: readonly { folder: string; depth: number }[] = [
  { folder: 'etc', depth: 2 },
  { folder: 'opt', depth: 1 },
  { folder: 'srv', depth: 1 },
  { folder: 'usr', depth: 2 },
  { folder: 'usr/local', depth: 3 },
  { folder: 'var', depth: 3 },
];
/** Raised when the layer's content changes, so that old ones are made anew. */
const version = '2';

/** The layer, as a folder. */
export interface HostLayer {
  path: string;
}

export interface LayerEntry {
  path: string;
  /** Permission bits; absent for a file, which is always hidden. */
  mode?: number;
  hidden: boolean;
}

/**
 * Makes the layer unless it is there, and answers its path. One that is made is never changed or removed: containers run
 * on it, and what it hides would show. `hidden`: absolute paths of folders and files.
 */
export async function prepareHostLayer(parent: string, hidden: readonly string[]): Promise<HostLayer> {
  const content = JSON.stringify([version, writable, hidden.toSorted()]);
  const layer = path.join(parent, createHash('sha256').update(content).digest('hex').slice(0, 12));
  if (await exists(layer)) return { path: layer };
  await fs.mkdir(parent, { recursive: true, mode: 0o700 });
  const temporary = await fs.mkdtemp(path.join(parent, 'new-'));
  try {
    await fs.chmod(temporary, 0o755);
    for (const entry of await listLayer('/', hidden)) {
      const target = path.join(temporary, entry.path);
      if (entry.mode === undefined) {
        mknodat(AT_FDCWD, target, constants.S_IFCHR);
        continue;
      }
      await fs.mkdir(target, { recursive: true });
      await fs.chmod(target, entry.mode);
      if (entry.hidden) setXattr(target, 'user.overlay.opaque', Buffer.from('y'));
    }
    await fs.rename(temporary, layer);
  } catch (error) {
    await fs.rm(temporary, { recursive: true, force: true });
    // Another helper was faster: its layer is the same.
    if (!(await exists(layer))) throw error;
  }
  return { path: layer };
}

/** What is in the layer, parents first. Links are left alone: `/bin` may be one to `usr/bin`. */
export async function listLayer(root: string, hidden: readonly string[]): Promise<LayerEntry[]> {
  const entries = new Map<string, LayerEntry>();
  const add = async (relative: string, isHidden: boolean): Promise<boolean> => {
    const stat = await fs.lstat(path.join(root, relative)).catch(() => undefined);
    if (stat?.isFile() === true && isHidden) entries.set(relative, { path: relative, hidden: true });
    if (stat?.isDirectory() !== true) return false;
    const known = entries.get(relative);
    entries.set(relative, { path: relative, mode: stat.mode & 0o7777, hidden: isHidden || known?.hidden === true });
    return true;
  };
  const walk = async (relative: string, depth: number): Promise<void> => {
    if (!(await add(relative, false)) || depth === 0) return;
    const children = await fs.readdir(path.join(root, relative), { withFileTypes: true }).catch(() => []);
    for (const child of children) if (child.isDirectory()) await walk(`${relative}/${child.name}`, depth - 1);
  };
  for (const { folder, depth } of writable) await walk(folder, depth);
  for (const absolute of hidden) {
    const parts = absolute.split('/').filter((part) => part !== '');
    for (let count = 1; count < parts.length; count++) await add(parts.slice(0, count).join('/'), false);
    await add(parts.join('/'), true);
  }
  const all = [...entries.values()];
  return all
    .filter(({ path: own }) => !all.some((other) => other.hidden && own.startsWith(`${other.path}/`)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function exists(file: string): Promise<boolean> {
  return fs.stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

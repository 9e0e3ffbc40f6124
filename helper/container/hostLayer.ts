import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import * as path from 'node:path';
import { setXattr } from '../../native/bindings/xattr.js';

/**
 * A layer of folders that lies between this machine's system and a container's own layer. It does two things that a bare
 * overlay cannot:
 *
 * - It hides. Temporary files and the state of other engines are not the container's business: in this layer they are
 *   opaque, so they appear empty, and writable.
 * - It makes folders writable. The host's folders belong to a root that does not exist in the user namespace, so root
 *   inside may not create anything in them. A folder that is merged takes its owner from the topmost layer, which is us.
 */
/** Folders of a system that containers see empty; without the first slash. */
export const hiddenFolders = ['var/home', 'var/tmp', 'var/run', 'var/lib/docker', 'var/lib/containers'];
const writable: readonly { folder: string; depth: number }[] = [
  { folder: 'etc', depth: 2 },
  { folder: 'opt', depth: 1 },
  { folder: 'srv', depth: 1 },
  { folder: 'usr', depth: 2 },
  { folder: 'usr/local', depth: 3 },
  { folder: 'var', depth: 3 },
];
/** Raised when the layer's content changes, so that old ones are made anew. */
const version = '1';

/** The layer, as a folder. */
export interface HostLayer {
  path: string;
}

export interface HostFolder {
  path: string;
  /** Permission bits. */
  mode: number;
  hidden: boolean;
}

/**
 * Makes the layer unless it is there, and answers its path. One that is made is never changed or removed: containers run
 * on it, and what it hides would show. `alsoHidden`: absolute folders of ours, wherever they lie.
 */
export async function prepareHostLayer(parent: string, alsoHidden: readonly string[]): Promise<HostLayer> {
  const content = JSON.stringify([version, hiddenFolders, writable, alsoHidden]);
  const layer = path.join(parent, createHash('sha256').update(content).digest('hex').slice(0, 12));
  if (await exists(layer)) return { path: layer };
  await fs.mkdir(parent, { recursive: true, mode: 0o700 });
  const temporary = await fs.mkdtemp(path.join(parent, 'new-'));
  try {
    await fs.chmod(temporary, 0o755);
    for (const folder of await listHostFolders('/', alsoHidden)) {
      const target = path.join(temporary, folder.path);
      await fs.mkdir(target, { recursive: true });
      await fs.chmod(target, folder.mode);
      if (folder.hidden) setXattr(target, 'user.overlay.opaque', Buffer.from('y'));
    }
    await fs.rename(temporary, layer);
  } catch (error) {
    await fs.rm(temporary, { recursive: true, force: true });
    // Another helper was faster: its layer is the same.
    if (!(await exists(layer))) throw error;
  }
  return { path: layer };
}

/** The folders of the layer, parents first. Links are left alone: `/bin` may be one to `usr/bin`. */
export async function listHostFolders(root: string, alsoHidden: readonly string[]): Promise<HostFolder[]> {
  const folders = new Map<string, HostFolder>();
  const add = async (relative: string, isHidden: boolean): Promise<boolean> => {
    const stat = await fs.lstat(path.join(root, relative)).catch(() => undefined);
    if (stat?.isDirectory() !== true) return false;
    const known = folders.get(relative);
    folders.set(relative, { path: relative, mode: stat.mode & 0o7777, hidden: isHidden || known?.hidden === true });
    return true;
  };
  const walk = async (relative: string, depth: number): Promise<void> => {
    if (!(await add(relative, false)) || depth === 0) return;
    const entries = await fs.readdir(path.join(root, relative), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await walk(`${relative}/${entry.name}`, depth - 1);
  };
  for (const { folder, depth } of writable) await walk(folder, depth);
  for (const folder of [...hiddenFolders, ...alsoHidden.map((absolute) => absolute.replace(/^\/+/, ''))]) {
    const parts = folder.split('/');
    for (let count = 1; count < parts.length; count++) await add(parts.slice(0, count).join('/'), false);
    await add(folder, true);
  }
  const all = [...folders.values()];
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

/** Changes to the files of a root other than their content. All are made by *at calls on one name in an open folder. */
import {
  fchmodat,
  fchownat,
  mkdirat,
  RENAME_NOREPLACE,
  renameat2,
  symlinkat,
  unlinkat,
} from '../../native/bindings/at.js';
import { SystemError } from '../../native/bindings/libc.js';
import { fileTypes, statx } from '../../native/bindings/statx.js';
import { failedWith } from '../image/failure.js';
import { removeTree } from '../image/removeTree.js';
import { runningRoot } from '../inspect/root.js';
import { readUserDatabase } from '../inspect/user.js';
import { temporaryName } from './content.js';
import { isThere, type LeftOut, TreeCopy } from './copyTree.js';
import type { Owners } from './entries.js';
import { inFolder, type OpenRoot, openPlace, type Place } from './openRoot.js';
import { findOwner } from './owner.js';
import { Pace, walk } from './tree.js';

/** Of new folders: root's, with umask 022. */
const folderMode = 0o755;

export function createFolder(root: OpenRoot, path: string): void {
  inFolder(root, path, ({ folder, name }) => mkdirat(folder, name, folderMode));
}

/** @param target stored as it is. */
export function createLink(root: OpenRoot, path: string, target: string): void {
  inFolder(root, path, ({ folder, name }) => symlinkat(target, folder, name));
}

export interface Movement {
  from: string;
  to: string;
  overwrite: boolean;
}

/**
 * Renames. Where the kernel cannot (another mount, or a folder of a lower layer, which an overlay does not rename) what is
 * to be moved is copied, and removed when all of it is there.
 */
export async function moveFile(root: OpenRoot, { from, to, overwrite }: Movement, signal: AbortSignal): Promise<void> {
  await withPlaces(root, from, to, async (source, target) => {
    try {
      renameat2(source.folder, source.name, target.folder, target.name, overwrite ? 0 : RENAME_NOREPLACE);
    } catch (error) {
      if (!failedWith(error, 'EXDEV')) throw error;
      await copyInto(source, target, { overwrite, signal, whole: true });
      await removeTree(source.folder, source.name);
    }
  });
}

/** What a copy leaves out, and the removal of the original would end. */
const lostByMoving: readonly LeftOut[] = ['device', 'socket', 'mount'];

/** Copies with owners, modes, times, attributes and hard links, as cp -a does. */
export async function copyFile(root: OpenRoot, { from, to, overwrite }: Movement, signal: AbortSignal): Promise<void> {
  await withPlaces(root, from, to, (source, target) => copyInto(source, target, { overwrite, signal, whole: false }));
}

async function withPlaces(
  root: OpenRoot,
  from: string,
  to: string,
  work: (source: Place, target: Place) => Promise<void>,
): Promise<void> {
  if (`${to}/`.startsWith(`${from.replace(/\/+$/, '')}/`) && to !== from) {
    throw new SystemError('EINVAL', -22, 'rename', to, 'a folder cannot be put into itself');
  }
  const source = openPlace(root, from);
  try {
    const target = openPlace(root, to);
    try {
      await work(source, target);
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}

/**
 * The copy gets its name when it is whole.
 * @param whole refuse what has parts that cannot be copied: the original is about to be removed.
 */
async function copyInto(
  source: Place,
  target: Place,
  { overwrite, signal, whole }: { overwrite: boolean; signal: AbortSignal; whole: boolean },
): Promise<void> {
  if (!overwrite && isThere(target.folder, target.name)) throw new SystemError('EEXIST', -17, 'rename', target.name);
  const temporary = { folder: target.folder, name: temporaryName() };
  const copy = new TreeCopy({
    keep: 'all',
    pace: new Pace(signal),
    onLeftOut: (what) => {
      if (whole && lostByMoving.includes(what)) throw new SystemError('EXDEV', -18, 'rename', source.name);
    },
  });
  try {
    await copy.copy(source, temporary);
    if (!isThere(target.folder, temporary.name)) throw new SystemError('ENXIO', -6, 'openat2', source.name);
    renameat2(target.folder, temporary.name, target.folder, target.name, overwrite ? 0 : RENAME_NOREPLACE);
  } catch (error) {
    await removeTree(target.folder, temporary.name);
    throw error;
  } finally {
    copy.close();
  }
}

/** Removes a file, a link itself, or a folder; one that is not empty only with `recursive`. */
export async function deleteFile(root: OpenRoot, path: string, recursive: boolean): Promise<void> {
  const { folder, name, close } = openPlace(root, path);
  try {
    const status = statx(folder, name);
    if (status.isMountPoint) throw new SystemError('EBUSY', -16, 'unlinkat', name);
    if (status.type !== fileTypes.directory) unlinkat(folder, name);
    else if (recursive) await removeTree(folder, name);
    else unlinkat(folder, name, { directory: true });
  } finally {
    close();
  }
}

/** @param mode up to 0o7777. Links have none of their own: they are passed over. */
export async function changeMode(
  root: OpenRoot,
  { path, mode, recursive }: { path: string; mode: number; recursive: boolean },
  signal: AbortSignal,
): Promise<void> {
  await change(root, path, recursive, signal, (folder, name, type) => {
    if (type !== fileTypes.symlink) fchmodat(folder, name, mode);
  });
}

/** @param owner as chown(1) takes it, names as the root has them. Of a link itself. */
export async function changeOwner(
  root: OpenRoot,
  { path, owner, recursive }: { path: string; owner: string; recursive: boolean },
  owners: Pick<Owners, 'uidMap' | 'gidMap'>,
  signal: AbortSignal,
): Promise<void> {
  const { uid, gid } = findOwner(owner, await readUserDatabase(runningRoot(root.view)), owners);
  await change(root, path, recursive, signal, (folder, name) => fchownat(folder, name, uid, gid));
}

async function change(
  root: OpenRoot,
  path: string,
  recursive: boolean,
  signal: AbortSignal,
  apply: (folder: number, name: string | Buffer, type: number) => void,
): Promise<void> {
  const { folder, name, close } = openPlace(root, path);
  try {
    if (recursive) await walk(folder, name, (at, below, { type }) => apply(at, below, type), new Pace(signal));
    else apply(folder, name, statx(folder, name).type);
  } finally {
    close();
  }
}

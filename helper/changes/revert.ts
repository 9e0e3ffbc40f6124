import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { renameat2, symlinkat, unlinkat } from '../../native/bindings/at.js';
import {
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../native/bindings/openat2.js';
import { type ByteString, toBytes } from '../image/entryPath.js';
import { explained, failedWith } from '../image/failure.js';
import { closeFound, type Found, LayeredFolder, openEntry } from '../image/layeredFolder.js';
import { readOwnerRights } from '../image/owners.js';
import { removeTree } from '../image/removeTree.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import { kindOf, sameContent, targetOf } from './attributes.js';
import type { Pace } from './pace.js';
import type { ChangeSource } from './protocol.js';
import { lookUpPath } from './renames.js';
import { type Destination, Restorer } from './restore.js';
import { shown } from './walk.js';

const folderFlags = { flags: O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW };
const beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

/**
 * Makes paths what they are in the lower layers: what was added is removed, what was changed or removed is copied back.
 * All of it goes through the mounted root, since an overlay's layers must not be changed below its feet. A folder that is
 * there gets its attributes back; what is in it stays.
 * @param rootFd the root, mounted; stays the caller's.
 * @throws TerrariumError NotFound, WrongState; what was reverted before stays so
 */
export async function revertChanges(
  source: ChangeSource,
  rootFd: number,
  paths: readonly string[],
  pace: Pace,
): Promise<void> {
  const restorer = new Restorer(readOwnerRights(), pace, source.foreignOwners);
  try {
    for (const path of outermost(paths.map(componentsOf))) {
      const at = `/${path.join('/')}`;
      try {
        await revert(source, { rootFd, path }, restorer, pace);
      } catch (error) {
        throw refusal(error, shown(at));
      }
    }
  } finally {
    restorer.close();
  }
}

/** @throws TerrariumError Invalid */
function componentsOf(path: string): ByteString[] {
  const names = path.split('/').filter((name) => name !== '');
  if (!path.startsWith('/') || names.some((name) => name === '.' || name === '..' || name.includes('\0'))) {
    throw terrariumError(ErrorCode.Invalid, `${JSON.stringify(path)} is no path of a change`, {
      fix: 'Use a path as the list of changes has it.',
    });
  }
  return names.map((name) => Buffer.from(name).toString('latin1'));
}

/** Each path once, parents first: what a parent brings back is then found as it was. */
function outermost(paths: readonly ByteString[][]): ByteString[][] {
  const sorted = new Map(paths.map((path) => [path.join('/'), path]));
  return [...sorted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}

interface Place {
  rootFd: number;
  path: readonly ByteString[];
}

async function revert(source: ChangeSource, place: Place, restorer: Restorer, pace: Pace): Promise<void> {
  const name = place.path.at(-1);
  const link = source.places?.[shown(`/${place.path.join('/')}`)];
  await withLower(source, place.path, async (lower) => {
    if (name === undefined) {
      if (lower !== undefined) restorer.setAttributes(lower, { folderFd: place.rootFd, name: '.' });
      return;
    }
    const folderFd = openParent(source, place, restorer);
    try {
      if (link?.kind === 'link') {
        await remove({ folderFd, name });
        symlinkat(link.target, folderFd, toBytes(name));
      } else if (lower === undefined) {
        await removeExisting({ folderFd, name }, place.path);
      } else {
        await putBack(lower, { folderFd, name }, restorer, pace);
      }
    } finally {
      closeSync(folderFd);
    }
  });
}

async function putBack(lower: Found, to: Destination, restorer: Restorer, pace: Pace): Promise<void> {
  const present = openEntry(to.folderFd, to.name);
  if (present === undefined) return restorer.copy(lower, to);
  let isSame: boolean;
  try {
    isSame =
      kindOf(present) === kindOf(lower) &&
      (lower.stats.isDirectory() ||
        (lower.stats.isFile() && (await sameContent(present, lower, pace))) ||
        (lower.stats.isSymbolicLink() && targetOf(present).equals(targetOf(lower))));
  } finally {
    closeSync(present.fd);
  }
  // Whoever has it open, keeps it open.
  if (isSame && lower.stats.isSymbolicLink()) return restorer.setLinkAttributes(lower, to);
  if (isSame) return restorer.setAttributes(lower, to);
  await replace(lower, to, restorer, present.stats.isDirectory());
}

let copies = 0;

/** Nobody sees half of a file: the copy is complete before it takes the name. */
async function replace(lower: Found, to: Destination, restorer: Restorer, isFolder: boolean): Promise<void> {
  const temporary = { folderFd: to.folderFd, name: `.terrarium-${process.pid}-${copies++}` };
  try {
    await restorer.copy(lower, temporary);
    if (isFolder || lower.folder !== undefined) await remove(to);
    renameat2(to.folderFd, toBytes(temporary.name), to.folderFd, toBytes(to.name));
  } catch (error) {
    await remove(temporary);
    throw error;
  }
}

async function remove({ folderFd, name }: Destination): Promise<void> {
  await removeTree(folderFd, toBytes(name));
}

async function removeExisting(to: Destination, path: readonly ByteString[]): Promise<void> {
  const present = openEntry(to.folderFd, to.name);
  if (present === undefined) {
    throw terrariumError(ErrorCode.NotFound, `There is nothing to revert at ${shown(`/${path.join('/')}`)}`, {
      cause: 'It is neither in the container nor in what the container was made from.',
      fix: 'Look at the list of changes again.',
    });
  }
  closeSync(present.fd);
  if (present.stats.isDirectory()) await remove(to);
  else unlinkat(to.folderFd, toBytes(to.name));
}

/** Opens the folder of a path in the mounted root. Folders on the way that were removed are made again, empty. */
function openParent(source: ChangeSource, { rootFd, path }: Place, restorer: Restorer): number {
  let fd = openat2(rootFd, '.', folderFlags);
  for (let depth = 1; depth < path.length; depth++) {
    const name = path[depth - 1] ?? '';
    const own = path.slice(0, depth);
    const isPlace = source.places?.[shown(`/${own.join('/')}`)]?.kind === 'overlay';
    try {
      const next = openFolder(fd, name, isPlace) ?? makeFolder(source, { folderFd: fd, name }, own, restorer);
      closeSync(fd);
      fd = next;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
  return fd;
}

function openFolder(folderFd: number, name: ByteString, isMounted: boolean): number | undefined {
  const resolve = isMounted ? RESOLVE_NO_SYMLINKS : beneath | RESOLVE_NO_XDEV;
  try {
    return openat2(folderFd, toBytes(name), { ...folderFlags, resolve });
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function makeFolder(source: ChangeSource, to: Destination, path: readonly ByteString[], restorer: Restorer): number {
  const lower = lowerOf(source, path);
  try {
    const found = lower && lookUp(lower, path);
    try {
      if (found?.folder === undefined) {
        throw terrariumError(ErrorCode.NotFound, `The folder ${shown(`/${path.join('/')}`)} is gone`, {
          fix: 'Look at the list of changes again.',
        });
      }
      restorer.makeFolder(found, to);
    } finally {
      if (found !== undefined) closeFound(found);
    }
  } finally {
    lower?.root.close();
  }
  return openat2(to.folderFd, toBytes(to.name), { ...folderFlags, resolve: beneath | RESOLVE_NO_XDEV });
}

/** The lower layers that a path is in, and how many of its components lead to their root. */
interface Lower {
  root: LayeredFolder;
  depth: number;
}

function lowerOf(source: ChangeSource, path: readonly ByteString[]): Lower | undefined {
  if (source.places === undefined) return { root: LayeredFolder.open(source.lower), depth: 0 };
  for (let depth = path.length; depth > 0; depth--) {
    const place = source.places[shown(`/${path.slice(0, depth).join('/')}`)];
    if (place?.kind === 'overlay') return { root: LayeredFolder.open(place.lower), depth };
    if (place !== undefined) return undefined;
  }
  return undefined;
}

function lookUp({ root, depth }: Lower, path: readonly ByteString[]): Found | undefined {
  const rest = path.slice(depth);
  if (rest.length > 0) return lookUpPath(root, `/${rest.join('/')}`);
  const fd = openSync(`/proc/self/fd/${root.fd}`, O_PATH | constants.O_DIRECTORY);
  return { fd, stats: fstatSync(fd, { bigint: true }) };
}

async function withLower(
  source: ChangeSource,
  path: readonly ByteString[],
  work: (lower: Found | undefined) => Promise<void>,
): Promise<void> {
  const lower = lowerOf(source, path);
  try {
    const found = lower && lookUp(lower, path);
    try {
      await work(found);
    } finally {
      if (found !== undefined) closeFound(found);
    }
  } finally {
    lower?.root.close();
  }
}

/** What people are told when the kernel refuses. */
function refusal(error: unknown, path: string): unknown {
  if (failedWith(error, 'EXDEV', 'EBUSY')) {
    return terrariumError(ErrorCode.WrongState, `${path} cannot be reverted: something is mounted there`, {
      path,
      fix: 'Stop the container, then revert.',
    });
  }
  if (failedWith(error, 'ENOTDIR', 'ELOOP')) {
    return terrariumError(ErrorCode.WrongState, `${path} cannot be reverted: a folder on the way is no folder now`, {
      path,
      fix: 'Revert that folder first.',
    });
  }
  return explained(error, `revert ${path}`, path);
}

/**
 * Looking a path up in the layers of an overlay that is not mounted, as overlayfs would: the topmost layer that has a
 * name decides, folders are merged, a whiteout hides what is below, an opaque folder hides what it would be merged with.
 */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { readlinkat } from '../../native/bindings/at.js';
import { SystemError } from '../../native/bindings/libc.js';
import { O_PATH, openat2 } from '../../native/bindings/openat2.js';
import { getXattr } from '../../native/bindings/xattr.js';

/** As many as the kernel follows in one path. */
const maximumLinks = 40;

/** The folders, top first, that make up one merged folder. */
type Merged = number[];
type Found = { kind: 'folder'; folders: Merged } | { kind: 'other'; fd: number; stats: Stats };

/**
 * Opens what is at `path` (O_PATH), links followed, with the layers as root.
 * @throws SystemError: ENOENT, ENOTDIR, ELOOP, EACCES as open(2) would.
 */
export function openInLayers(layers: readonly string[], path: string): number {
  const opened = new Set<number>();
  const keep = (fd: number) => {
    opened.add(fd);
    return fd;
  };
  try {
    const root = layers.map((layer) => keep(openSync(layer, O_PATH | constants.O_DIRECTORY)));
    const result = walk(root, path, keep);
    const fd = result.kind === 'folder' ? result.folders[0] : result.fd;
    if (fd === undefined) {
      throw failure('ENOENT', path);
    }
    opened.delete(fd);
    return fd;
  } finally {
    opened.forEach((fd) => void closeSync(fd));
  }
}

function walk(root: Merged, path: string, keep: (fd: number) => number): Found {
  /** From the root to where we are: `..` takes one away, but never the root. */
  let trail: Merged[] = [root];
  let rest = components(path);
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '..') {
      trail = trail.length > 1 ? trail.slice(0, -1) : trail;
      continue;
    }
    const found = lookUp(trail.at(-1) ?? root, name, keep);
    if (found === undefined) {
      throw failure('ENOENT', path);
    }
    if (found.kind === 'folder') {
      trail.push(found.folders);
    } else if (found.stats.isSymbolicLink()) {
      if (++links > maximumLinks) {
        throw failure('ELOOP', path);
      }
      const target = readlinkat(found.fd, '').toString();
      rest = [...components(target), ...rest];
      trail = target.startsWith('/') ? [root] : trail;
    } else if (rest.length > 0) {
      throw failure('ENOTDIR', path);
    } else {
      return found;
    }
  }
  return { kind: 'folder', folders: trail.at(-1) ?? root };
}

function components(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function lookUp(merged: Merged, name: string, keep: (fd: number) => number): Found | undefined {
  const folders: Merged = [];
  for (const folder of merged) {
    const fd = openEntry(folder, name);
    if (fd === undefined) {
      continue;
    }
    keep(fd);
    const stats = fstatSync(fd);
    if (!stats.isDirectory()) {
      const isHidden = folders.length > 0 || isWhiteout(stats);
      if (!isHidden) {
        return { kind: 'other', fd, stats };
      }
      break;
    }
    folders.push(fd);
    if (isOpaque(fd)) {
      break;
    }
  }
  return folders.length > 0 ? { kind: 'folder', folders } : undefined;
}

function openEntry(folder: number, name: string): number | undefined {
  try {
    return openat2(folder, name, { flags: O_PATH | constants.O_NOFOLLOW });
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

/** Written by overlayfs mounted with `userxattr`, as it is in a user namespace. */
function isOpaque(fd: number): boolean {
  try {
    return getXattr(fd, 'user.overlay.opaque').toString() === 'y';
  } catch (error) {
    // EACCES: a folder we may not read is one we may not look into either, and then its lookups fail by themselves.
    if (error instanceof SystemError && ['ENODATA', 'ENOTSUP', 'EACCES'].includes(error.code)) {
      return false;
    }
    throw error;
  }
}

const errnos = { ENOENT: -2, ENOTDIR: -20, ELOOP: -40 };

function failure(code: keyof typeof errnos, path: string): SystemError {
  return new SystemError(code, errnos[code], 'open', path);
}

import { closeSync, constants, type Dirent, lstatSync, opendirSync } from 'node:fs';
import {
  AT_FDCWD,
  O_PATH,
  openat2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_XDEV,
} from '../../native/bindings/openat2.js';
import { getXattr } from '../../native/bindings/xattr.js';
import type { LayerEntry } from '../protocol/images.js';
import { explained, failedWith } from './failure.js';
import { opaqueXattr } from './whiteouts.js';

/** More than anybody looks at; a folder can have millions. */
const maximumEntries = 50_000;

/**
 * What a folder of an unpacked layer holds, by name: what it brings, and what it hides of the layers below.
 * @param path in the layer; links are followed inside it
 * @throws TerrariumError BadInput when there is no such folder
 */
export function listLayer(tree: string, path: string): LayerEntry[] {
  try {
    const root = openat2(AT_FDCWD, tree, { flags: O_PATH | constants.O_DIRECTORY });
    try {
      const folder = openat2(root, path, {
        flags: constants.O_RDONLY | constants.O_DIRECTORY,
        resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
      });
      try {
        return listFolder(`/proc/self/fd/${folder}`, path);
      } finally {
        closeSync(folder);
      }
    } finally {
      closeSync(root);
    }
  } catch (error) {
    throw explained(error, 'list the folder of the layer', path);
  }
}

function listFolder(folder: string, path: string): LayerEntry[] {
  const entries: LayerEntry[] = [];
  const stream = opendirSync(folder);
  try {
    for (let entry = stream.readSync(); entry && entries.length < maximumEntries; entry = stream.readSync()) {
      entries.push(describe(folder, path, entry));
    }
  } finally {
    stream.closeSync();
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function describe(folder: string, path: string, entry: Dirent): LayerEntry {
  const status = lstatSync(`${folder}/${entry.name}`, { throwIfNoEntry: false });
  return {
    path: `${path.replace(/\/+$/, '')}/${entry.name}`,
    kind: kindOf(`${folder}/${entry.name}`, entry, status?.rdev),
    sizeBytes: status?.isFile() ? status.size : 0,
  };
}

function kindOf(file: string, entry: Dirent, device: number | undefined): LayerEntry['kind'] {
  if (entry.isDirectory()) {
    return isOpaque(file) ? 'opaque' : 'directory';
  }
  if (entry.isCharacterDevice() && device === 0) {
    return 'hidden';
  }
  if (entry.isSymbolicLink()) {
    return 'symlink';
  }
  return entry.isFile() ? 'file' : 'other';
}

function isOpaque(folder: string): boolean {
  try {
    return getXattr(folder, opaqueXattr).toString('latin1') === 'y';
  } catch (error) {
    if (failedWith(error, 'ENODATA', 'ENOTSUP', 'ENOENT')) {
      return false;
    }
    throw error;
  }
}

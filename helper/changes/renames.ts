import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { O_PATH } from '../../native/bindings/openat2.js';
import type { ByteString } from '../image/entryPath.js';
import { closeFound, type Found, type LayerEntry, LayeredFolder, openEntry } from '../image/layeredFolder.js';
import { sameContent } from './attributes.js';
import type { Pace } from './pace.js';
import type { ChangeSource } from './protocol.js';

/** A regular file that was added or deleted. */
export interface MovedFile {
  path: ByteString;
  size: bigint;
  mtimeNs: bigint;
}

export interface Pair {
  from: MovedFile;
  to: MovedFile;
}

/** More files of one size and time than this are alike by how they were made, not because one was moved. */
const mostAlike = 16;

/**
 * Which added files may be deleted ones under another name: a rename keeps size and time. Pure.
 */
export function candidates(added: readonly MovedFile[], deleted: readonly MovedFile[]): Pair[] {
  const key = ({ size, mtimeNs }: MovedFile) => `${size} ${mtimeNs}`;
  const departed = group(deleted, key);
  const arrived = group(added, key);
  return [...arrived].flatMap(([alike, to]) => {
    const from = departed.get(alike) ?? [];
    if (from.length > mostAlike || to.length > mostAlike) return [];
    return to.flatMap((one) => from.map((other) => ({ from: other, to: one })));
  });
}

function group(files: readonly MovedFile[], key: (file: MovedFile) => string): Map<string, MovedFile[]> {
  const groups = new Map<string, MovedFile[]>();
  for (const file of files) {
    const existing = groups.get(key(file));
    if (existing === undefined) groups.set(key(file), [file]);
    else existing.push(file);
  }
  return groups;
}

/** The pairs whose both ends are in no other pair. Pure. */
export function unambiguous(pairs: readonly Pair[]): Pair[] {
  const count = new Map<MovedFile, number>();
  for (const file of pairs.flatMap(({ from, to }) => [from, to])) count.set(file, (count.get(file) ?? 0) + 1);
  return pairs.filter(({ from, to }) => count.get(from) === 1 && count.get(to) === 1);
}

/**
 * Tells renames from what was added and deleted. Every added file here is known to be a copy of a file below, since
 * overlayfs marks those; it is the deleted one with the same content, size and time when there is only one such.
 */
export async function findRenames(
  source: ChangeSource,
  added: readonly MovedFile[],
  deleted: readonly MovedFile[],
  pace: Pace,
): Promise<{ from: ByteString; to: ByteString }[]> {
  const possible = candidates(added, deleted);
  if (possible.length === 0) return [];
  const same: Pair[] = [];
  const lower = LayeredFolder.open(source.lower);
  try {
    for (const pair of possible) if (await isSameFile(source.top, lower, pair, pace)) same.push(pair);
  } finally {
    lower.close();
  }
  return unambiguous(same).map(({ from, to }) => ({ from: from.path, to: to.path }));
}

async function isSameFile(top: string, lower: LayeredFolder, { from, to }: Pair, pace: Pace): Promise<boolean> {
  const arrived = openBelow(top, to.path);
  if (arrived === undefined) return false;
  try {
    const departed = lookUpPath(lower, from.path);
    if (departed === undefined) return false;
    try {
      return arrived.stats.isFile() && departed.stats.isFile() && (await sameContent(arrived, departed, pace));
    } finally {
      closeFound(departed);
    }
  } finally {
    closeSync(arrived.fd);
  }
}

/** Opens a path of one layer, no link followed. */
function openBelow(root: string, path: ByteString): LayerEntry | undefined {
  let fd = openSync(root, O_PATH | constants.O_DIRECTORY);
  for (const name of path.split('/').slice(1)) {
    let next: LayerEntry | undefined;
    try {
      next = openEntry(fd, name);
    } finally {
      closeSync(fd);
    }
    if (next === undefined) return undefined;
    fd = next.fd;
  }
  return { fd, stats: fstatSync(fd, { bigint: true }) };
}

/** What the layers show at a path, no link followed; the caller closes it. The root itself is not found. */
export function lookUpPath(root: LayeredFolder, path: ByteString): Found | undefined {
  let found: Found | undefined;
  for (const name of path.split('/').slice(1)) {
    const parent: Found | undefined = found;
    try {
      found = (parent === undefined ? root : parent.folder)?.lookUp(name);
    } finally {
      if (parent !== undefined) closeFound(parent);
    }
    if (found === undefined) return undefined;
  }
  return found;
}

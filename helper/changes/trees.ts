import { closeSync } from 'node:fs';
import type { ByteString } from '../image/entryPath.js';
import { badInput, failedWith } from '../image/failure.js';
import { closeFound, type Found, type LayerEntry, LayerFolder, namesIn, openEntry } from './layeredFolder.js';
import type { Pace } from './pace.js';
import { joined, type StartTraces } from './startTraces.js';

/** Is told of one entry, which is closed afterwards; folders come before what is in them. */
export type Visit = (path: ByteString, entry: LayerEntry) => Promise<void>;

/** Deeper than any system nests folders, and far from running out of descriptors. */
export const deepest = 500;

export function tooDeep(path: ByteString) {
  return badInput(`Folders nest deeper than ${deepest}`, { path: Buffer.from(path, 'latin1').toString() });
}

/** An entry of a writable layer that is in no lower one, and all that is in it, but for what the start made. */
export async function visitAdded(
  path: ByteString,
  entry: LayerEntry,
  { traces, pace, visit }: { traces: StartTraces; pace: Pace; visit: Visit },
  depth = 0,
): Promise<void> {
  if (depth > deepest) throw tooDeep(path);
  await pace.step();
  await visit(path, entry);
  if (!entry.stats.isDirectory()) return;
  const folder = new LayerFolder(entry.fd);
  for (const name of namesIn(entry.fd)) {
    const child = openUnlessMounted(entry.fd, name);
    if (child === undefined) continue;
    try {
      const at = joined(path, name);
      if (folder.isWhiteout(child) || traces.isOurs(at, child)) continue;
      await visitAdded(at, child, { traces, pace, visit }, depth + 1);
    } finally {
      closeSync(child.fd);
    }
  }
}

/** What an overlay shows at a path, and all that is in it. Folders that may not be listed count as empty. */
export async function visitMerged(
  path: ByteString,
  found: Found,
  { pace, visit }: { pace: Pace; visit: Visit },
  depth = 0,
): Promise<void> {
  if (depth > deepest) throw tooDeep(path);
  await pace.step();
  await visit(path, found);
  for (const name of found.folder === undefined ? [] : readableNames(found.folder)) {
    const child = lookUpUnlessMounted(found, name);
    if (child === undefined) continue;
    try {
      await visitMerged(joined(path, name), child, { pace, visit }, depth + 1);
    } finally {
      closeFound(child);
    }
  }
}

function readableNames(folder: NonNullable<Found['folder']>): ByteString[] {
  try {
    return folder.names();
  } catch (error) {
    // Another user's of this machine, in a root that is a folder of this machine: nobody inside may list it either.
    if (failedWith(error, 'EACCES')) return [];
    throw error;
  }
}

/** What is mounted somewhere is not part of the tree: undefined. */
function lookUpUnlessMounted(found: Found, name: ByteString): Found | undefined {
  try {
    return found.folder?.lookUp(name);
  } catch (error) {
    if (failedWith(error, 'EXDEV')) return undefined;
    throw error;
  }
}

function openUnlessMounted(folderFd: number, name: ByteString): LayerEntry | undefined {
  try {
    return openEntry(folderFd, name);
  } catch (error) {
    if (failedWith(error, 'EXDEV')) return undefined;
    throw error;
  }
}

import { closeSync } from 'node:fs';
import type { ByteString } from '../image/entryPath.js';
import { badInput, failedWith } from '../image/failure.js';
import {
  closeFound,
  type Found,
  type LayerEntry,
  type LayeredFolder,
  LayerFolder,
  namesIn,
  openUnlessMounted,
} from '../image/layeredFolder.js';
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
    if (child === undefined || child === 'mounted') continue;
    try {
      const at = joined(path, name);
      if (folder.isWhiteout(child) || traces.isOurs(at, child)) continue;
      await visitAdded(at, child, { traces, pace, visit }, depth + 1);
    } finally {
      closeSync(child.fd);
    }
  }
}

export interface MergedVisit {
  pace: Pace;
  visit: Visit;
  /** What is passed over, with all that is in it. */
  isLeftOut?: (path: ByteString, found: Found) => boolean;
}

/**
 * What an overlay shows at a path, and all that is in it. Folders that may not be listed count as empty, and so do those
 * that something is mounted on.
 */
export async function visitMerged(path: ByteString, found: Found, options: MergedVisit, depth = 0): Promise<void> {
  if (depth > deepest) throw tooDeep(path);
  await options.pace.step();
  await options.visit(path, found);
  const { folder } = found;
  if (folder === undefined) return;
  for (const name of readableNames(folder)) {
    const child = folder.lookUpUnlessMounted(name);
    if (child === undefined) continue;
    try {
      const at = joined(path, name);
      if (options.isLeftOut?.(at, child) !== true) await visitMerged(at, child, options, depth + 1);
    } finally {
      closeFound(child);
    }
  }
}

/** Names in a folder; none when it may not be listed. */
export function readableNames(folder: LayeredFolder): ByteString[] {
  try {
    return folder.names();
  } catch (error) {
    // Another user's, in a root that is a folder of this machine: nobody inside may list it either.
    if (failedWith(error, 'EACCES')) return [];
    throw error;
  }
}

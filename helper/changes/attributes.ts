import { closeSync, constants, openSync, readSync } from 'node:fs';
import { readlinkat } from '../../native/bindings/at.js';
import { getXattr, listXattrs } from '../../native/bindings/xattr.js';
import { failedWith } from '../image/failure.js';
import type { LayerEntry } from '../image/layeredFolder.js';
import { overflowId } from '../inspect/idmap.js';
import type { Change, FileKind } from '../protocol/files.js';
import type { Pace } from './pace.js';

export type Difference = NonNullable<Change['what']>[number];

export function kindOf({ stats }: LayerEntry): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isSocket()) return 'socket';
  return stats.isCharacterDevice() ? 'character' : 'block';
}

/** Permission bits with setuid, setgid and sticky. */
export function modeOf({ stats }: LayerEntry): number {
  return Number(stats.mode) & 0o7777;
}

/** Where a symlink leads. */
export function targetOf({ fd }: LayerEntry): Buffer {
  return readlinkat(fd, '');
}

export const capabilityXattr = 'security.capability';

/**
 * The extended attributes that are a file's own: `user.*` and its capabilities. Those of overlayfs are not, and those of
 * security modules belong to this machine. In the order of names.
 */
export function xattrsOf(entry: LayerEntry): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  if (!entry.stats.isFile() && !entry.stats.isDirectory()) return found;
  for (const name of listed(entry).sort()) {
    const isOwn = name === capabilityXattr || (name.startsWith('user.') && !name.startsWith('user.overlay.'));
    const value = isOwn ? xattrValue(entry, name) : undefined;
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

function listed({ fd }: LayerEntry): string[] {
  try {
    return listXattrs(fd);
  } catch (error) {
    if (failedWith(error, 'ENOTSUP')) return [];
    throw error;
  }
}

function xattrValue({ fd }: LayerEntry, name: string): Buffer | undefined {
  try {
    return getXattr(fd, name);
  } catch (error) {
    // ENODATA: removed meanwhile. EACCES: the file of another user below, which cannot be read inside either.
    // EOVERFLOW: capabilities that count only in another user namespace.
    if (failedWith(error, 'ENODATA', 'EACCES', 'EPERM', 'EOVERFLOW')) return undefined;
    throw error;
  }
}

/** Whether overlayfs copied this up from a lower layer, instead of it being made anew. */
export function wasCopiedUp(entry: LayerEntry): boolean {
  return xattrValue(entry, 'user.overlay.origin') !== undefined;
}

/**
 * In what two entries of the same path differ; times do not count. Empty: in nothing.
 * @param foreignOwners "nobody" below may be an owner that has no id here: then nothing can be said.
 */
export async function differences(
  top: LayerEntry,
  lower: LayerEntry,
  { pace, foreignOwners }: { pace: Pace; foreignOwners: boolean },
): Promise<Difference[]> {
  if (kindOf(top) !== kindOf(lower)) return ['type'];
  // The very same file, seen through a mount: whatever changes it changes its ctime, or copies it up.
  if (isSame(top, lower)) return [];
  const found: Difference[] = [];
  const isLink = top.stats.isSymbolicLink();
  if (top.stats.isFile() && !(await sameContent(top, lower, pace))) found.push('content');
  if (isLink && !targetOf(top).equals(targetOf(lower))) found.push('target');
  if (!isLink && modeOf(top) !== modeOf(lower)) found.push('mode');
  const isOther = (id: bigint, below: bigint) => id !== below && !(foreignOwners && below === BigInt(overflowId));
  if (isOther(top.stats.uid, lower.stats.uid) || isOther(top.stats.gid, lower.stats.gid)) found.push('owner');
  const [topXattrs, lowerXattrs] = [xattrsOf(top), xattrsOf(lower)];
  const names = new Set([...topXattrs.keys(), ...lowerXattrs.keys()]);
  const changed = [...names].filter((name) => !sameBytes(topXattrs.get(name), lowerXattrs.get(name)));
  if (changed.includes(capabilityXattr)) found.push('capabilities');
  if (changed.some((name) => name !== capabilityXattr)) found.push('xattrs');
  return found;
}

function isSame(a: LayerEntry, b: LayerEntry): boolean {
  return (
    !a.stats.isDirectory() &&
    a.stats.ino === b.stats.ino &&
    a.stats.size === b.stats.size &&
    a.stats.mtimeNs === b.stats.mtimeNs &&
    a.stats.ctimeNs === b.stats.ctimeNs
  );
}

function sameBytes(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a !== undefined && b !== undefined && a.equals(b);
}

const chunkSize = 256 * 1024;

/** Whether two regular files hold the same bytes; false when one of them cannot be read. */
export async function sameContent(a: LayerEntry, b: LayerEntry, pace: Pace): Promise<boolean> {
  if (a.stats.size !== b.stats.size) return false;
  if (a.stats.size === 0n) return true;
  const files: number[] = [];
  try {
    for (const entry of [a, b]) files.push(openForReading(entry));
    const [first = -1, second = -1] = files;
    const [left, right] = [Buffer.allocUnsafe(chunkSize), Buffer.allocUnsafe(chunkSize)];
    for (let at = 0; ; ) {
      const [read, other] = [readFully(first, left, at), readFully(second, right, at)];
      if (read !== other || left.compare(right, 0, other, 0, read) !== 0) return false;
      if (read === 0) return true;
      at += read;
      await pace.step(16);
    }
  } catch (error) {
    if (failedWith(error, 'EACCES', 'EPERM')) return false;
    throw error;
  } finally {
    for (const fd of files) closeSync(fd);
  }
}

/** Opens what is known to be a regular file. */
export function openForReading({ fd }: LayerEntry): number {
  return openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NOCTTY);
}

function readFully(fd: number, buffer: Buffer, position: number): number {
  let filled = 0;
  while (filled < buffer.length) {
    const read = readSync(fd, buffer, filled, buffer.length - filled, position + filled);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}

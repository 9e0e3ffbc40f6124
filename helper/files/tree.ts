/** Walking trees of a root by descriptor: no link is followed, no mount entered. */
import { closeSync, constants, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type Path, SystemError } from '../../native/bindings/libc.js';
import { openat2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from '../../native/bindings/openat2.js';
import { type FileStatus, fileTypes, statx } from '../../native/bindings/statx.js';
import { cancelled, failedWith } from '../image/failure.js';

/** Entries between two chances for others to run, and for a cancel to arrive. */
const batch = 256;
/** As many folders are open inside one another: a tree that is deeper is refused (ELOOP). */
const deepest = 512;

/** Lets others run now and then, and ends the work when it was cancelled. */
export class Pace {
  private count = 0;

  constructor(private readonly signal: AbortSignal) {}

  /** To be called for each entry. @throws cancelled */
  async step(): Promise<void> {
    if (++this.count % batch === 0) await this.rest();
  }

  /** @throws cancelled */
  async rest(): Promise<void> {
    await setImmediate();
    if (this.signal.aborted) throw cancelled();
  }
}

/** Names in an open folder, as the kernel has them. */
export function namesIn(folder: number): Buffer[] {
  return readdirSync(`/proc/self/fd/${folder}`, 'buffer');
}

/**
 * Opens a folder to list it, by its name in an open one.
 * @param mount whether it may be one. @throws SystemError: EXDEV for a mount, ELOOP or ENOTDIR for a link
 */
export function openFolder(folder: number, name: Path, mount = false): number {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | (mount ? 0 : RESOLVE_NO_XDEV);
  return openat2(folder, name, { flags, resolve });
}

/**
 * Calls `visit` for an entry and, when it is a folder, for all that is below it, parents first. What is mounted in it is
 * left out, what vanishes meanwhile too. @throws SystemError, cancelled
 */
export async function walk(
  folder: number,
  name: Path,
  visit: (folder: number, name: Path, status: FileStatus) => void,
  pace: Pace,
  depth = 0,
): Promise<void> {
  await pace.step();
  const status = statx(folder, name);
  visit(folder, name, status);
  if (status.type !== fileTypes.directory) return;
  let opened: number;
  try {
    opened = openFolder(folder, name, depth === 0);
  } catch (error) {
    // Replaced by something else since we looked, or a mount: neither is part of the tree.
    if (failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV')) return;
    throw error;
  }
  try {
    for (const below of namesIn(opened)) {
      try {
        if (depth >= deepest)
          throw new SystemError('ELOOP', -40, 'openat2', String(below), 'too many folders in one another');
        await walk(opened, below, visit, pace, depth + 1);
      } catch (error) {
        if (!failedWith(error, 'ENOENT')) throw error;
      }
    }
  } finally {
    closeSync(opened);
  }
}

import { closeSync, constants, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fchmodat, RENAME_NOREPLACE, renameat2, unlinkat } from '../../native/bindings/at.js';
import type { Path } from '../../native/bindings/libc.js';
import { openat2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from '../../native/bindings/openat2.js';
import { toBytes } from './entryPath.js';
import { failedWith } from './failure.js';

/** How many folders may be open inside one another; deeper ones are moved up first. */
const deepest = 64;
/** Removals between two chances for others to run. */
const batch = 256;

/**
 * Removes a file or a whole tree, however deep and whatever its modes, by descriptor: no link is followed and no
 * mount entered (EXDEV). Missing is fine.
 * @param dirFd the folder that holds `name`, one component.
 * @throws SystemError
 */
export async function removeTree(dirFd: number, name: Path): Promise<void> {
  for (const _ of removal(dirFd, name)) {
    await setImmediate();
  }
}

/** The same, without letting anything else run meanwhile. */
export function removeTreeSync(dirFd: number, name: Path): void {
  for (const _ of removal(dirFd, name)) {
    // Nobody is waited for.
  }
}

function* removal(dirFd: number, name: Path): Generator<void> {
  if (unlinked(dirFd, name)) {
    return;
  }
  const top = openFolder(dirFd, name);
  try {
    yield* emptying(top, top, 1);
  } finally {
    closeSync(top);
  }
  unlinkat(dirFd, name, { directory: true });
}

function* emptying(fd: number, top: number, depth: number): Generator<void> {
  let count = 0;
  // Again until nothing is found: what is moved up arrives while the names are walked through.
  for (let names = list(fd); names.length > 0; names = list(fd)) {
    for (const name of names) {
      if (++count % batch === 0) {
        yield;
      }
      const bytes = toBytes(name);
      if (unlinked(fd, bytes)) {
        continue;
      }
      if (depth === deepest) {
        moveUp(fd, bytes, top);
        continue;
      }
      const folder = openFolder(fd, bytes);
      try {
        yield* emptying(folder, top, depth + 1);
      } finally {
        closeSync(folder);
      }
      unlinkat(fd, bytes, { directory: true });
    }
  }
}

function list(fd: number): string[] {
  return readdirSync(`/proc/self/fd/${fd}`, 'latin1');
}

/** @returns false when it is a folder. */
function unlinked(dirFd: number, name: Path): boolean {
  try {
    unlinkat(dirFd, name);
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) {
      return true;
    }
    if (failedWith(error, 'EISDIR')) {
      return false;
    }
    throw error;
  }
}

function openFolder(dirFd: number, name: Path): number {
  const how = {
    flags: constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
    resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
  };
  // To be emptied it must be readable, writable and searchable, whatever the archive had wanted.
  fchmodat(dirFd, name, 0o700);
  return openat2(dirFd, name, how);
}

let moves = 0;

function moveUp(fd: number, name: Path, top: number): void {
  for (;;) {
    try {
      renameat2(fd, name, top, `${process.pid}-${moves++}`, RENAME_NOREPLACE);
      return;
    } catch (error) {
      if (!failedWith(error, 'EEXIST')) {
        throw error;
      }
    }
  }
}

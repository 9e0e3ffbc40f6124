/** Content of regular files of a root: read and written in place, never waited for. */

import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { RENAME_NOREPLACE, renameat2, unlinkat } from '../../native/bindings/at.js';
import { reserve } from '../../native/bindings/extents.js';
import { openat2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from '../../native/bindings/openat2.js';
import { fileSystemMagic, fstatfs } from '../../native/bindings/statfs.js';
import { fileTypes, statx } from '../../native/bindings/statx.js';
import { failedWith } from '../image/failure.js';
import { ErrorCode, type ReadFileParams, terrariumError, type WriteFileParams } from '../protocol/index.js';
import { kindOf } from './entries.js';
import { at, inFolder, type OpenRoot, type Place } from './openRoot.js';

/** As much as one answer holds. */
const mostBytes = 64 * 1024 * 1024;
/** Files the kernel makes up while they are read have no size, and may have no end. */
const mostPseudoBytes = 1024 * 1024;

const pseudoFileSystems: ReadonlySet<number> = new Set([
  fileSystemMagic.proc,
  fileSystemMagic.sysfs,
  fileSystemMagic.cgroup,
  fileSystemMagic.cgroup2,
]);

/** A range of a regular file, and its size. What the kernel makes up is read up to 1 MiB. @throws SystemError, BadInput */
export function readContent(
  root: OpenRoot,
  { path, offset = 0, length }: Omit<ReadFileParams, 'root'>,
): { data: Buffer; size: number } {
  return at(root, path, true, (there) => {
    const { isPseudo, size } = checkRegular(there, path);
    const limit = isPseudo ? mostPseudoBytes : mostBytes;
    const wanted = length ?? Math.max(0, isPseudo ? limit : size - offset);
    if (wanted > limit) throw tooLarge(path, size);
    const fd = reopen(there, constants.O_RDONLY);
    try {
      const data = readRange(fd, offset, wanted);
      return { data, size: isPseudo ? data.length : size };
    } finally {
      closeSync(fd);
    }
  });
}

function readRange(fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(fd, buffer, filled, length - filled, offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return buffer.subarray(0, filled);
}

/**
 * Writes a file. One that is there keeps owner, mode and links, and its content where there is no room for the new one.
 * @throws SystemError, BadInput, NameTaken, NotFound
 */
export function writeContent(root: OpenRoot, params: Omit<WriteFileParams, 'root'>): void {
  const { path, create, overwrite } = params;
  const data = Buffer.from(params.data, 'base64');
  try {
    at(root, path, true, (there) => {
      if (!overwrite) throw terrariumError(ErrorCode.NameTaken, `${path} exists already`, { path, errno: 'EEXIST' });
      if (checkRegular(there, path).isPseudo) throw notOrdinary(path, 'made up by the kernel');
      const fd = reopen(there, constants.O_WRONLY);
      try {
        writeInPlace(fd, data, params.offset);
      } finally {
        closeSync(fd);
      }
    });
  } catch (error) {
    if (!create || !failedWith(error, 'ENOENT')) throw error;
    inFolder(root, path, (place) => makeFile(place, data, params.offset ?? 0));
  }
}

/** The room for it is had before the first byte is overwritten: a full disk must not leave half a file. */
function writeInPlace(fd: number, data: Buffer, offset: number | undefined): void {
  const before = statx(fd, '').size;
  const end = (offset ?? 0) + data.length;
  try {
    reserve(fd, offset ?? 0, data.length);
  } catch (error) {
    // Gives back what was had beyond the end.
    ftruncateSync(fd, before);
    throw error;
  }
  writeAll(fd, data, offset ?? 0);
  if (offset === undefined) ftruncateSync(fd, end);
}

export function writeAll(fd: number, data: Buffer, position: number): void {
  for (let written = 0; written < data.length; ) {
    written += writeSync(fd, data, written, data.length - written, position + written);
  }
}

function makeFile({ folder, name }: Place, data: Buffer, offset: number): void {
  const made = makeTemporary(folder);
  try {
    try {
      reserve(made.fd, offset, data.length);
      writeAll(made.fd, data, offset);
      fchmodSync(made.fd, 0o644);
    } finally {
      closeSync(made.fd);
    }
    // A link that leads nowhere has the name too.
    renameat2(folder, made.name, folder, name, RENAME_NOREPLACE);
  } catch (error) {
    unlinkat(folder, made.name);
    throw error;
  }
}

/** An empty file of mode 0600 under a name that nobody has, in an open folder (O_PATH). Both are the caller's. */
export function makeTemporary(folder: number): { fd: number; name: string } {
  const name = temporaryName();
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openat2(folder, name, { flags, mode: 0o600, resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS });
  return { fd, name };
}

/** For what is not whole yet; hidden from listings that leave out names with a dot. */
export function temporaryName(): string {
  return `.terrarium-${randomBytes(6).toString('hex')}`;
}

/** Opens what an O_PATH descriptor names: known to be a regular file by now, so nothing blocks and no device is touched. */
export function reopen(there: number, flags: number): number {
  return openSync(`/proc/self/fd/${there}`, flags | constants.O_NONBLOCK | constants.O_NOCTTY);
}

/** @throws BadInput for what is no regular file */
function checkRegular(there: number, path: string): { isPseudo: boolean; size: number } {
  const status = statx(there, '');
  if (status.type === fileTypes.directory) {
    throw terrariumError(ErrorCode.BadInput, `${path} is a folder`, { path, errno: 'EISDIR' });
  }
  if (status.type !== fileTypes.file) throw notOrdinary(path, `a ${kindOf(status)}`);
  return { isPseudo: pseudoFileSystems.has(fstatfs(there).magic), size: status.size };
}

function notOrdinary(path: string, what: string): Error {
  return terrariumError(ErrorCode.BadInput, `${path} is no ordinary file`, {
    path,
    cause: `It is ${what}: opening it could wait for ever, or have effects of its own.`,
    fix: 'Use it from a terminal in the container.',
  });
}

function tooLarge(path: string, size: number): Error {
  return terrariumError(ErrorCode.BadInput, `${path} is too large to be opened: ${size} bytes`, {
    path,
    errno: 'EFBIG',
    cause: 'At most 64 MiB are read at a time.',
    fix: 'Download it, or open it with a program in the container.',
  });
}

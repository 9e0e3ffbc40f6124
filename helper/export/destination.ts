import { randomBytes } from 'node:crypto';
import { chmod, lstat, readdir, rename } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { RENAME_NOREPLACE, renameat2 } from '../../native/bindings/at.js';
import { AT_FDCWD } from '../../native/bindings/openat2.js';
import { explained, failedWith } from '../image/failure.js';
import { syncFolder } from '../image/layout.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';

/**
 * Lets something be written beside its destination and gives it its name when it is complete, so that nothing half
 * written is ever there. After an error nothing is left.
 * @param write makes a file or folder at the path it is given.
 * @param remove removes it, whoever of the mapped ids owns what is in it.
 * @throws Invalid, NameTaken, and what `write` throws
 */
export async function writeBeside<T>(
  destination: string,
  kind: 'file' | 'folder',
  write: (temporary: string) => Promise<T>,
  remove: (path: string) => Promise<void>,
): Promise<T> {
  const replaces = await checkDestination(destination, kind);
  const stem = Buffer.from(basename(destination))
    .subarray(0, 200)
    .toString('utf8')
    .replace(/\ufffd+$/, '');
  const temporary = join(dirname(destination), `.${stem}.${randomBytes(6).toString('hex')}.partial`);
  try {
    const result = await write(temporary);
    // As any program would make a file; it was private while it was incomplete.
    if (kind === 'file') await chmod(temporary, 0o666 & ~process.umask());
    await place(temporary, destination, replaces);
    return result;
  } catch (error) {
    await remove(temporary);
    throw explained(error, 'write the export', destination);
  }
}

/** @returns whether something empty is there, which is replaced. */
async function checkDestination(destination: string, kind: 'file' | 'folder'): Promise<boolean> {
  if (!isAbsolute(destination)) {
    throw terrariumError(ErrorCode.Invalid, `The destination is not an absolute path: ${destination}`);
  }
  const parent = await statOf(dirname(destination));
  if (parent?.isDirectory() !== true) {
    throw terrariumError(ErrorCode.Invalid, `There is no folder ${dirname(destination)}`, {
      path: destination,
      fix: 'Make it, or choose another destination.',
    });
  }
  const present = await statOf(destination);
  if (present === undefined) return false;
  const isEmpty =
    kind === 'file'
      ? present.isFile() && present.size === 0
      : present.isDirectory() && (await readdir(destination)).length === 0;
  if (isEmpty) return true;
  throw terrariumError(ErrorCode.NameTaken, `${destination} exists already`, {
    path: destination,
    fix: kind === 'file' ? 'Choose another file, or remove that one.' : 'Choose a new or an empty folder.',
  });
}

async function statOf(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw explained(error, 'look at the destination', path);
  }
}

/** What somebody else has put there meanwhile stays. */
async function place(temporary: string, destination: string, replaces: boolean): Promise<void> {
  try {
    if (replaces) await rename(temporary, destination);
    else renameat2(AT_FDCWD, temporary, AT_FDCWD, destination, RENAME_NOREPLACE);
  } catch (error) {
    // A file system that does not know the flag.
    if (failedWith(error, 'EINVAL')) await rename(temporary, destination);
    else if (failedWith(error, 'EEXIST', 'ENOTEMPTY')) {
      throw terrariumError(ErrorCode.NameTaken, `${destination} has just been made by somebody else`, {
        path: destination,
        fix: 'Choose another destination.',
      });
    } else throw error;
  }
  await syncFolder(dirname(destination));
}

import { ResponseError } from 'vscode-jsonrpc';
import { ErrorCode, type ErrorData, type TerrariumError, terrariumError } from '../protocol/errors.js';

/** An archive or image that cannot be used. */
export function badInput(message: string, data: ErrorData = {}): TerrariumError {
  return terrariumError(ErrorCode.BadInput, message, data);
}

/** LSP's code for what its caller cancelled: editors show nothing for it. */
const requestCancelled = -32800;

/** What a cancelled request is answered with. */
export function cancelled(): ResponseError<ErrorData> {
  return new ResponseError<ErrorData>(requestCancelled, 'Cancelled');
}

export function isCancelled(error: unknown): boolean {
  return error instanceof ResponseError && error.code === requestCancelled;
}

/** A name of an archive as people may read it: quoted, control characters escaped, not endless. */
export function shown(path: Buffer): string {
  const text = path.toString('utf8');
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

interface SystemFailure extends Error {
  code: string;
  syscall: string;
  path?: string;
}

/** Whether the kernel said it: an error of `node:fs` or of our bindings. */
export function isSystemFailure(error: unknown): error is SystemFailure {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

/** Whether the kernel said one of `codes`. */
export function failedWith(error: unknown, ...codes: string[]): boolean {
  return isSystemFailure(error) && codes.includes(error.code);
}

const fullDisk = ['ENOSPC', 'EDQUOT'];

const remedies: ReadonlyMap<string, Pick<ErrorData, 'cause' | 'fix'>> = new Map([
  ['ENOENT', { cause: 'There is no such file.', fix: 'Check the path.' }],
  [
    'EACCES',
    { cause: 'You may not read it.', fix: 'Make the file readable for you, and the folders on the way to it.' },
  ],
  ['EISDIR', { cause: 'It is a folder.', fix: 'Use the folder itself as a root, or pack it with tar first.' }],
]);

/**
 * What people are told when the kernel refuses: typed errors and everything that is no system error pass unchanged.
 * @param action what was being done, as in `Cannot ${action}`.
 */
export function explained(error: unknown, action: string, path?: string): unknown {
  if (!isSystemFailure(error)) {
    return error;
  }
  const where = path ?? error.path;
  const data: ErrorData = {
    syscall: error.syscall,
    errno: error.code,
    ...(where === undefined ? {} : { path: where }),
  };
  if (fullDisk.includes(error.code)) {
    return terrariumError(ErrorCode.Unavailable, `Cannot ${action}: the disk is full`, {
      ...data,
      cause: error.code === 'EDQUOT' ? 'Your disk quota is used up.' : 'No space, or no inode, is left on the device.',
      fix: 'Free some space, for instance by removing images, and try again.',
      doctor: 'data-folder',
    });
  }
  if (error.code === 'EROFS') {
    return terrariumError(ErrorCode.Unavailable, `Cannot ${action}: the file system is read-only`, data);
  }
  return badInput(`Cannot ${action}: ${error.message}`, { ...data, ...remedies.get(error.code) });
}

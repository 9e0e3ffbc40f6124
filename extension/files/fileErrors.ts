import { ErrorCode } from '../../helper/protocol/index.js';

/** The kinds of error that the editor knows of files. */
export type FileErrorKind =
  | 'FileNotFound'
  | 'FileExists'
  | 'FileNotADirectory'
  | 'FileIsADirectory'
  | 'NoPermissions'
  | 'Unavailable';

const byErrno: Readonly<Record<string, FileErrorKind>> = {
  ENOENT: 'FileNotFound',
  EEXIST: 'FileExists',
  ENOTDIR: 'FileNotADirectory',
  EISDIR: 'FileIsADirectory',
  EACCES: 'NoPermissions',
  EPERM: 'NoPermissions',
  EROFS: 'NoPermissions',
};

/** What a refused request is to the editor, and all of it that a person can use, as sentences. */
export function fileError(error: unknown): { kind: FileErrorKind; message: string } {
  const { code, data } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const { errno, cause, fix } = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  const text = error instanceof Error ? error.message : String(error);
  const message = [text, cause, fix]
    .filter((part): part is string => typeof part === 'string' && part.trim() !== '')
    .map((part) => (/[.!?…]$/.test(part.trim()) ? part.trim() : `${part.trim()}.`))
    .join(' ');
  const kind = typeof errno === 'string' ? byErrno[errno] : undefined;
  return { kind: kind ?? byCode(code), message };
}

function byCode(code: unknown): FileErrorKind {
  switch (code) {
    case ErrorCode.NotFound:
      return 'FileNotFound';
    case ErrorCode.NameTaken:
      return 'FileExists';
    default:
      return 'Unavailable';
  }
}

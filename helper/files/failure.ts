/** What people are told when the kernel refuses something about a file of a root. */
import { isSystemFailure } from '../image/failure.js';
import { ErrorCode, type ErrorData, terrariumError } from '../protocol/errors.js';

interface Explanation {
  code: ErrorCode;
  what: string;
  cause?: string;
  fix?: string;
}

const notWritable = 'Write to a folder that belongs to somebody in the container, or to a mount of your own.';

const explanations: Readonly<Record<string, Explanation>> = {
  ENOENT: {
    code: ErrorCode.NotFound,
    what: 'there is no such file',
    fix: 'It may have been moved or deleted: refresh.',
  },
  ENOTDIR: { code: ErrorCode.NotFound, what: 'something on the way is no folder' },
  EEXIST: {
    code: ErrorCode.NameTaken,
    what: 'there already is one of that name',
    fix: 'Choose another name, or overwrite it.',
  },
  EISDIR: { code: ErrorCode.Invalid, what: 'it is a folder' },
  ENOTEMPTY: {
    code: ErrorCode.WrongState,
    what: 'the folder is not empty',
    cause: 'There are files in it.',
    fix: 'Delete it with all that is in it, or choose another name.',
  },
  EROFS: {
    code: ErrorCode.Unavailable,
    what: 'it is read-only',
    cause: 'The root or the mount that it is on may only be read.',
    fix: 'Launch a container with a writable layer, or mount the folder without "ro".',
  },
  EACCES: {
    code: ErrorCode.Unavailable,
    what: 'permission is denied',
    cause: 'It belongs to somebody who does not exist in the container, not even for its root.',
    fix: notWritable,
  },
  EPERM: {
    code: ErrorCode.Unavailable,
    what: 'the kernel does not permit it',
    cause: 'It belongs to somebody who does not exist in the container, or was made immutable.',
    fix: notWritable,
  },
  EOVERFLOW: {
    code: ErrorCode.Unavailable,
    what: 'its owner does not exist in the container',
    cause: 'The overlay would have to copy it for somebody whom the id map does not have.',
    fix: 'Write a new file instead, and delete this one.',
  },
  ENOSPC: {
    code: ErrorCode.Unavailable,
    what: 'the disk is full',
    cause: 'No space, or no inode, is left where the container writes.',
    fix: 'Make room: remove files, containers or images that are no longer needed.',
  },
  EDQUOT: {
    code: ErrorCode.Unavailable,
    what: 'your disk quota is used up',
    cause: 'The administrator limits how much you may store.',
    fix: 'Remove containers or images that are no longer needed.',
  },
  EFBIG: { code: ErrorCode.Unavailable, what: 'it would be larger than a file may be there' },
  EXDEV: {
    code: ErrorCode.Unavailable,
    what: 'part of it is not its own',
    cause: 'Something is mounted in it, or a socket is in it: that is not moved, copied or removed with a folder.',
    fix: 'Change what is in the mount by itself, or stop the container first: then it is not mounted.',
  },
  EBUSY: {
    code: ErrorCode.WrongState,
    what: 'it is in use',
    cause: 'Something is mounted on it.',
    fix: 'Stop the container first: then it is not mounted.',
  },
  ETXTBSY: {
    code: ErrorCode.WrongState,
    what: 'it is a program that runs',
    cause: 'The kernel does not let a program be changed while it runs.',
    fix: 'Stop the program, or put a new file in the place of this one.',
  },
  EINVAL: { code: ErrorCode.Invalid, what: 'the name or the place is not possible there' },
  ELOOP: {
    code: ErrorCode.Invalid,
    what: 'links on the way go round in a circle',
    cause: 'Or one is of the kernel’s, such as /proc/PID/root, which are not followed: they lead out of the container.',
  },
  ENAMETOOLONG: {
    code: ErrorCode.Invalid,
    what: 'the name is too long',
    fix: 'Names have at most 255 bytes, paths 4095.',
  },
  ESTALE: { code: ErrorCode.WrongState, what: 'it was removed from below', fix: 'Refresh, and try again.' },
  ENXIO: {
    code: ErrorCode.Invalid,
    what: 'it is a device or a socket',
    cause: 'These are of the container that they are in.',
  },
};

/**
 * The error for a person: typed errors and what is no system error pass unchanged.
 * @param what was to be done, as in `Cannot ${what} PATH`.
 * @param readOnly why nothing can be changed in this root, where that is known.
 */
export function fileFailure(error: unknown, what: string, path: string, readOnly?: string): unknown {
  if (!isSystemFailure(error)) return error;
  const {
    code,
    what: reason,
    cause,
    fix,
  }: Explanation = explanations[error.code] ?? {
    code: ErrorCode.Unavailable,
    what: error.message,
  };
  const data: ErrorData = {
    syscall: error.syscall,
    errno: error.code,
    path,
    ...(cause === undefined ? {} : { cause }),
    ...(error.code === 'EROFS' && readOnly !== undefined ? { cause: readOnly } : {}),
    ...(fix === undefined ? {} : { fix }),
  };
  return terrariumError(code, `Cannot ${what} ${path}: ${reason}`, data);
}

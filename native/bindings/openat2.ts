/** openat2(2): opening a path with rules on how it may be resolved. */
import { constants } from 'node:fs';
import { AT_FDCWD, check, cPath, declare, type Path, SystemError, systemCallNumber } from './libc.js';

export { AT_FDCWD };

/** Not in `fs.constants`; the same on x64 and arm64. */
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
/** An unnamed file in the folder that is opened. */
export const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** A mount point on the way is refused (EXDEV). */
export const RESOLVE_NO_XDEV = 0x01;
/** Links like /proc/PID/exe are refused (ELOOP). */
export const RESOLVE_NO_MAGICLINKS = 0x02;
/** Any symbolic link is refused (ELOOP). */
export const RESOLVE_NO_SYMLINKS = 0x04;
/** Leaving the folder of `dirFd` is refused (EXDEV). */
export const RESOLVE_BENEATH = 0x08;
/** The folder of `dirFd` is taken for the root: absolute links and `..` stay inside. */
export const RESOLVE_IN_ROOT = 0x10;

export interface OpenHow {
  /** O_*; O_CLOEXEC is always added. */
  flags: number;
  /** Of a file that is made: only with O_CREAT or O_TMPFILE, else EINVAL. */
  mode?: number;
  /** RESOLVE_*. */
  resolve?: number;
}

type Openat2 = (number: number, dirFd: number, path: Buffer, how: Buffer, size: number) => number;
const syscall = declare<Openat2>('syscall', 'long', ['long', 'int', 'void *', 'void *', 'size_t']);
const number = systemCallNumber({ x64: 437, arm64: 437 });
const sizeOfHow = 24;

/**
 * A `..` that races with a rename anywhere on the machine gives EAGAIN: whoever renames in a loop must not hinder us, nor
 * make that endless. A few milliseconds.
 */
const maximumRaces = 1024;

/**
 * Opens `path` relative to `dirFd` (a descriptor, or AT_FDCWD).
 * @returns a descriptor, closed on exec, that the caller closes.
 * @throws SystemError: ELOOP or EXDEV when the path breaks the rules of `resolve`, EAGAIN when it kept moving.
 */
export function openat2(dirFd: number, path: Path, how: OpenHow): number {
  const name = cPath(path, 'openat2');
  const bytes = Buffer.alloc(sizeOfHow);
  bytes.writeBigUInt64LE(BigInt((how.flags | O_CLOEXEC) >>> 0), 0);
  bytes.writeBigUInt64LE(BigInt(how.mode ?? 0), 8);
  bytes.writeBigUInt64LE(BigInt(how.resolve ?? 0), 16);
  for (let attempt = 1; ; attempt++) {
    try {
      return check(syscall(number, dirFd, name, bytes, sizeOfHow), 'openat2', path);
    } catch (error) {
      const again = error instanceof SystemError && (error.code === 'EINTR' || error.code === 'EAGAIN');
      if (!again || attempt === maximumRaces) {
        throw error;
      }
    }
  }
}

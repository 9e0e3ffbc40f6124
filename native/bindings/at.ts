/**
 * The *at(2) family: changes to names relative to an open folder, so that nothing on the way can be swapped.
 * None of these follows a link in the last component. Only a `path` of one component is safe in a hostile tree:
 * open its folder with openat2 first.
 */
import { chmodSync, closeSync, constants, fstatSync } from 'node:fs';
import { check, cPath, declare, type Path, SystemError, systemCallNumber } from './libc.js';
import { O_PATH, openat2 } from './openat2.js';

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_FOLLOW = 0x400;

/** Fails with EEXIST when the new name exists. */
export const RENAME_NOREPLACE = 1;
/** Swaps the two names. */
export const RENAME_EXCHANGE = 2;
/** Leaves a whiteout where the old name was. */
export const RENAME_WHITEOUT = 4;

const mkdiratCall = declare<(fd: number, path: Buffer, mode: number) => number>('mkdirat', 'int', [
  'int',
  'void *',
  'uint',
]);
/** `mode` is subject to the umask. */
export function mkdirat(dirFd: number, path: Path, mode: number): void {
  check(mkdiratCall(dirFd, cPath(path, 'mkdirat'), mode), 'mkdirat', path);
}

const symlinkatCall = declare<(target: Buffer, fd: number, path: Buffer) => number>('symlinkat', 'int', [
  'void *',
  'int',
  'void *',
]);
/** Makes `path` a link to `target`, which is stored as it is. */
export function symlinkat(target: Path, dirFd: number, path: Path): void {
  check(symlinkatCall(cPath(target, 'symlinkat'), dirFd, cPath(path, 'symlinkat')), 'symlinkat', path);
}

const readlinkatCall = declare<(fd: number, path: Buffer, buffer: Buffer, size: number) => number>(
  'readlinkat',
  'long',
  ['int', 'void *', 'void *', 'size_t'],
);
/** The kernel's limit on the target of a link, with its NUL. */
const PATH_MAX = 4096;
/** The target of a link, as bytes. With an empty `path`: of the link that `dirFd` itself (O_PATH) is. */
export function readlinkat(dirFd: number, path: Path): Buffer {
  const target = Buffer.allocUnsafe(PATH_MAX);
  const size = check(readlinkatCall(dirFd, cPath(path, 'readlinkat'), target, target.length), 'readlinkat', path);
  return target.subarray(0, size);
}

const linkatCall = declare<(fd: number, from: Buffer, toFd: number, to: Buffer, flags: number) => number>(
  'linkat',
  'int',
  ['int', 'void *', 'int', 'void *', 'int'],
);
/** A second name for a file. A link as source is itself linked to, not what it points at. */
export function linkat(dirFd: number, path: Path, newDirFd: number, newPath: Path): void {
  const [from, to] = [cPath(path, 'linkat'), cPath(newPath, 'linkat')];
  check(linkatCall(dirFd, from, newDirFd, to, 0), 'linkat', newPath);
}

/** A name for the file behind a descriptor (O_TMPFILE or O_PATH), through /proc: AT_EMPTY_PATH needs a capability. */
export function linkDescriptor(fd: number, newDirFd: number, newPath: Path): void {
  const [from, to] = [cPath(`/proc/self/fd/${fd}`, 'linkat'), cPath(newPath, 'linkat')];
  check(linkatCall(-1, from, newDirFd, to, AT_SYMLINK_FOLLOW), 'linkat', newPath);
}

const unlinkatCall = declare<(fd: number, path: Buffer, flags: number) => number>('unlinkat', 'int', [
  'int',
  'void *',
  'int',
]);
/** Removes a name; with `directory` an empty folder, as rmdir(2) does. */
export function unlinkat(dirFd: number, path: Path, options: { directory?: boolean } = {}): void {
  check(unlinkatCall(dirFd, cPath(path, 'unlinkat'), options.directory ? AT_REMOVEDIR : 0), 'unlinkat', path);
}

const syscallRenameat2 = declare<
  (number: number, fd: number, from: Buffer, toFd: number, to: Buffer, flags: number) => number
>('syscall', 'long', ['long', 'int', 'void *', 'int', 'void *', 'uint']);
const renameat2Number = systemCallNumber({ x64: 316, arm64: 276 });
/** @param flags RENAME_*; 0 replaces what has the new name. */
export function renameat2(dirFd: number, path: Path, newDirFd: number, newPath: Path, flags = 0): void {
  const [from, to] = [cPath(path, 'renameat2'), cPath(newPath, 'renameat2')];
  check(syscallRenameat2(renameat2Number, dirFd, from, newDirFd, to, flags), 'renameat2', newPath);
}

const syscallFchmodat2 = declare<(number: number, fd: number, path: Buffer, mode: number, flags: number) => number>(
  'syscall',
  'long',
  ['long', 'int', 'void *', 'uint', 'uint'],
);
const fchmodat2Number = systemCallNumber({ x64: 452, arm64: 452 });
let haveFchmodat2 = true;
/**
 * Sets the mode, bits up to 0o7777.
 * @throws SystemError: ENOTSUP for a link, which has no mode of its own.
 */
export function fchmodat(dirFd: number, path: Path, mode: number): void {
  if (haveFchmodat2) {
    try {
      const name = cPath(path, 'fchmodat2');
      check(syscallFchmodat2(fchmodat2Number, dirFd, name, mode, AT_SYMLINK_NOFOLLOW), 'fchmodat2', path);
      return;
    } catch (error) {
      if (!(error instanceof SystemError) || error.code !== 'ENOSYS') {
        throw error;
      }
      haveFchmodat2 = false;
    }
  }
  chmodByDescriptor(dirFd, path, mode);
}

/** For Linux before 6.6, whose fchmodat(2) always follows links. */
export function chmodByDescriptor(dirFd: number, path: Path, mode: number): void {
  const fd = openat2(dirFd, path, { flags: O_PATH | constants.O_NOFOLLOW });
  try {
    if (fstatSync(fd).isSymbolicLink()) {
      throw new SystemError('ENOTSUP', -95, 'fchmodat', String(path));
    }
    chmodSync(`/proc/self/fd/${fd}`, mode);
  } finally {
    closeSync(fd);
  }
}

const fchownatCall = declare<(fd: number, path: Buffer, uid: number, gid: number, flags: number) => number>(
  'fchownat',
  'int',
  ['int', 'void *', 'uint', 'uint', 'int'],
);
/** Sets the owner, of a link itself too. The kernel clears setuid bits: set the mode afterwards. */
export function fchownat(dirFd: number, path: Path, uid: number, gid: number): void {
  check(fchownatCall(dirFd, cPath(path, 'fchownat'), uid, gid, AT_SYMLINK_NOFOLLOW), 'fchownat', path);
}

const utimensatCall = declare<(fd: number, path: Buffer, times: Buffer, flags: number) => number>('utimensat', 'int', [
  'int',
  'void *',
  'void *',
  'int',
]);
const nanosecondsPerSecond = 1_000_000_000n;
/** Sets the times, in nanoseconds since the epoch (negative: before it), of a link itself too. */
export function utimensat(dirFd: number, path: Path, accessed: bigint, modified: bigint): void {
  const times = Buffer.alloc(32);
  [accessed, modified].forEach((time, index) => {
    // tv_nsec must not be negative: round the seconds down, where BigInt division rounds towards zero.
    const nanoseconds = ((time % nanosecondsPerSecond) + nanosecondsPerSecond) % nanosecondsPerSecond;
    times.writeBigInt64LE((time - nanoseconds) / nanosecondsPerSecond, index * 16);
    times.writeBigInt64LE(nanoseconds, index * 16 + 8);
  });
  check(utimensatCall(dirFd, cPath(path, 'utimensat'), times, AT_SYMLINK_NOFOLLOW), 'utimensat', path);
}

const syscallMknodat = declare<(number: number, fd: number, path: Buffer, mode: number, device: number) => number>(
  'syscall',
  'long',
  ['long', 'int', 'void *', 'uint', 'uint'],
);
const mknodatNumber = systemCallNumber({ x64: 259, arm64: 33 });
/**
 * Makes a FIFO, socket, device or regular file. Without privilege only the device 0:0, an overlay's whiteout, is allowed.
 * @param mode type (S_IFIFO…) and permissions, subject to the umask.
 */
export function mknodat(dirFd: number, path: Path, mode: number, device = { major: 0, minor: 0 }): void {
  // The kernel's own encoding of dev_t in 32 bits.
  const encoded = ((device.minor & 0xff) | (device.major << 8) | ((device.minor & ~0xff) << 12)) >>> 0;
  check(syscallMknodat(mknodatNumber, dirFd, cPath(path, 'mknodat'), mode, encoded), 'mknodat', path);
}

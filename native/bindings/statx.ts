/** statx(2): what `fs.lstat` tells, relative to a descriptor, in a third of its time, and whether something is mounted. */
import { check, declare, type Path, SystemError, systemCallNumber } from './libc.js';

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
/** Bit of stx_attributes: the path is the root of a mount. Linux 5.8. */
const STATX_ATTR_MOUNT_ROOT = 0x2000;

/** What a path is, by the bits of its mode: inode(7). */
export const fileTypeMask = 0o170000;
export const fileTypes = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

export interface EntryStatus {
  /** One of `fileTypes`. */
  type: number;
  /** Permission bits, 0o7777. */
  mode: number;
  uid: number;
  gid: number;
  links: number;
  size: number;
  /** Milliseconds since the epoch, whole ones. */
  mtime: number;
  ctime: number;
  /** Something is mounted here. */
  isMountPoint: boolean;
}

export interface FileStatus extends EntryStatus {
  /** Nanoseconds since the epoch. */
  mtimeNs: bigint;
  inode: bigint;
  /** Of the file system: the same for files of one. */
  device: string;
}

type Statx = (number: number, fd: number, path: Path, flags: number, mask: number, buffer: Buffer) => number;
const byText = declare<Statx>('syscall', 'long', ['long', 'int', 'str', 'int', 'uint', 'void *']);
const byBytes = declare<Statx>('syscall', 'long', ['long', 'int', 'void *', 'int', 'uint', 'void *']);
const number = systemCallNumber({ x64: 332, arm64: 291 });
/** struct statx: one for all calls, since each is read before the next is made. */
const buffer = Buffer.alloc(256);

/**
 * The status of `path` below `dirFd`, of a link itself; with an empty path that of `dirFd`, which may be O_PATH.
 * @throws SystemError
 */
export function statx(dirFd: number, path: Path): FileStatus {
  const status = statEntry(dirFd, path);
  return {
    ...status,
    mtimeNs: buffer.readBigInt64LE(112) * 1_000_000_000n + BigInt(buffer.readUInt32LE(120)),
    inode: buffer.readBigUInt64LE(32),
    device: `${buffer.readUInt32LE(136)}:${buffer.readUInt32LE(140)}`,
  };
}

/** The same, without what a listing does not show: folders of ten thousand files are listed. @throws SystemError */
export function statEntry(dirFd: number, path: Path): EntryStatus {
  const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (path.length === 0 ? AT_EMPTY_PATH : 0);
  if (path.includes('\0')) throw new SystemError('EINVAL', -22, 'statx', String(path), 'path with a NUL byte');
  const result =
    typeof path === 'string'
      ? byText(number, dirFd, path, flags, STATX_BASIC_STATS, buffer)
      : byBytes(number, dirFd, Buffer.concat([path, Buffer.alloc(1)]), flags, STATX_BASIC_STATS, buffer);
  check(result, 'statx', path);
  const mode = buffer.readUInt16LE(28);
  return {
    type: mode & fileTypeMask,
    mode: mode & 0o7777,
    uid: buffer.readUInt32LE(20),
    gid: buffer.readUInt32LE(24),
    links: buffer.readUInt32LE(16),
    size: buffer.readUInt32LE(44) * 2 ** 32 + buffer.readUInt32LE(40),
    mtime: milliseconds(112),
    ctime: milliseconds(96),
    isMountPoint: (buffer.readUInt32LE(8) & STATX_ATTR_MOUNT_ROOT) !== 0,
  };
}

function milliseconds(offset: number): number {
  const seconds = buffer.readInt32LE(offset + 4) * 2 ** 32 + buffer.readUInt32LE(offset);
  return seconds * 1000 + Math.floor(buffer.readUInt32LE(offset + 8) / 1_000_000);
}

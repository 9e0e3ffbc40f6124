/** fstatfs(2): on a descriptor, and with the mount flags, both of which `fs.statfs` lacks. */
import { check, declare } from './libc.js';

/** Magic numbers of file systems, from linux/magic.h. */
export const fileSystemMagic = {
  proc: 0x9fa0,
  sysfs: 0x62656572,
  cgroup: 0x27e0eb,
  cgroup2: 0x63677270,
  tmpfs: 0x01021994,
  overlay: 0x794c7630,
  devpts: 0x1cd1,
  ext4: 0xef53,
  xfs: 0x58465342,
  btrfs: 0x9123683e,
  nfs: 0x6969,
  nsfs: 0x6e736673,
  fuse: 0x65735546,
  v9fs: 0x01021997,
} as const;

/** Bits of `flags`. */
export const ST_RDONLY = 0x01;
export const ST_NOSUID = 0x02;
export const ST_NODEV = 0x04;
export const ST_NOEXEC = 0x08;

export interface FileSystemStatus {
  /** See `fileSystemMagic`. */
  magic: number;
  totalBytes: number;
  /** What an ordinary user may still use. */
  availableBytes: number;
  /** ST_*. */
  flags: number;
}

const fstatfsCall = declare<(fd: number, buffer: Buffer) => number>('fstatfs', 'int', ['int', 'void *']);
/** struct statfs of 64-bit Linux: twelve longs and a spare, the same on x64 and arm64. */
const sizeOfStatfs = 120;

/** The file system a descriptor (O_PATH will do) is on. */
export function fstatfs(fd: number): FileSystemStatus {
  const buffer = Buffer.alloc(sizeOfStatfs);
  check(fstatfsCall(fd, buffer), 'fstatfs');
  const long = (index: number) => Number(buffer.readBigInt64LE(index * 8));
  const blockSize = long(1);
  return {
    magic: long(0),
    totalBytes: long(2) * blockSize,
    availableBytes: long(4) * blockSize,
    flags: long(10),
  };
}

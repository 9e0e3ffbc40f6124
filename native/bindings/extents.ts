/** Where a file has content and where holes, and room for what is to be written. */
import { check, checkUnless, declare } from './libc.js';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const FALLOC_FL_KEEP_SIZE = 1;

const lseek = declare<(fd: number, offset: number, whence: number) => number>('lseek', 'long', ['int', 'long', 'int']);
const fallocate = declare<(fd: number, mode: number, offset: number, length: number) => number>('fallocate', 'int', [
  'int',
  'int',
  'long',
  'long',
]);

/** The next extent with content at or after `offset`: where it begins and ends; undefined when only a hole is left. */
export function nextExtent(fd: number, offset: number): { start: number; end: number } | undefined {
  const start = checkUnless(lseek(fd, offset, SEEK_DATA), ['ENXIO'], 'lseek');
  return start === undefined ? undefined : { start, end: check(lseek(fd, start, SEEK_HOLE), 'lseek') };
}

/**
 * Makes sure that writing `length` bytes at `offset` does not run out of room, where the file system can tell. The size
 * of the file stays. @throws SystemError: ENOSPC, EDQUOT, EFBIG
 */
export function reserve(fd: number, offset: number, length: number): void {
  if (length > 0)
    checkUnless(fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length), ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'], 'fallocate');
}

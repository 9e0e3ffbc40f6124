/**
 * Extended attributes. A path names the file itself, a link too; a descriptor may be O_PATH, which the f… calls
 * refuse, and is therefore reached through /proc.
 */
import { check, checkUnless, cPath, declare, type Path, SystemError } from './libc.js';

/** Fails with EEXIST when the attribute is there. */
export const XATTR_CREATE = 1;
/** Fails with ENODATA when it is not. */
export const XATTR_REPLACE = 2;

type Get = (path: Buffer, name: Buffer, value: Buffer, size: number) => number;
type Set = (path: Buffer, name: Buffer, value: Buffer, size: number, flags: number) => number;
type List = (path: Buffer, names: Buffer, size: number) => number;
type Remove = (path: Buffer, name: Buffer) => number;

const getArgs = ['void *', 'void *', 'void *', 'size_t'];
const setArgs = ['void *', 'void *', 'void *', 'size_t', 'int'];
const calls = {
  link: {
    get: declare<Get>('lgetxattr', 'long', getArgs),
    set: declare<Set>('lsetxattr', 'int', setArgs),
    list: declare<List>('llistxattr', 'long', ['void *', 'void *', 'size_t']),
    remove: declare<Remove>('lremovexattr', 'int', ['void *', 'void *']),
  },
  file: {
    get: declare<Get>('getxattr', 'long', getArgs),
    set: declare<Set>('setxattr', 'int', setArgs),
    list: declare<List>('listxattr', 'long', ['void *', 'void *', 'size_t']),
    remove: declare<Remove>('removexattr', 'int', ['void *', 'void *']),
  },
};

const usualSize = 1024;
/** XATTR_SIZE_MAX and XATTR_LIST_MAX: the kernel keeps nothing larger. */
const largestSize = 65536;

/**
 * The value of an attribute, for instance `user.overlay.opaque`.
 * @throws SystemError: ENODATA when the file has none of that name, ENOTSUP when the file system has none at all.
 */
export function getXattr(target: Path | number, name: string): Buffer {
  const { path, call } = locate(target, 'getxattr');
  const key = cPath(name, 'getxattr');
  return readGrowing((value) => check(call.get(path, key, value, value.length), 'getxattr', shown(target)));
}

type Find = (path: Path, name: string, value: Buffer, size: number) => number;
const find = {
  text: declare<Find>('lgetxattr', 'long', ['str', 'str', 'void *', 'size_t']),
  bytes: declare<Find>('lgetxattr', 'long', ['void *', 'str', 'void *', 'size_t']),
  descriptor: declare<Find>('getxattr', 'long', ['str', 'str', 'void *', 'size_t']),
};
const none = ['ENODATA', 'ENOTSUP', 'EOPNOTSUPP'];
/** One for all calls: what was found is copied out of it. */
const scratch = Buffer.alloc(largestSize);

/** The value of an attribute; undefined when there is none of that name, or none at all: asked of every file of a folder. */
export function findXattr(target: Path | number, name: string): Buffer | undefined {
  const path = typeof target === 'number' ? shown(target) : target;
  if (path.includes('\0')) throw new SystemError('EINVAL', -22, 'getxattr', String(path), 'path with a NUL byte');
  const size =
    typeof target === 'number'
      ? find.descriptor(path, name, scratch, scratch.length)
      : typeof path === 'string'
        ? find.text(path, name, scratch, scratch.length)
        : find.bytes(cPath(path, 'getxattr'), name, scratch, scratch.length);
  const found = checkUnless(size, none, 'getxattr', path);
  return found === undefined ? undefined : Buffer.from(scratch.subarray(0, found));
}

/** Sets an attribute. @param flags 0, XATTR_CREATE or XATTR_REPLACE. */
export function setXattr(target: Path | number, name: string, value: Buffer, flags = 0): void {
  const { path, call } = locate(target, 'setxattr');
  check(call.set(path, cPath(name, 'setxattr'), value, value.length, flags), 'setxattr', shown(target));
}

/** Names of all attributes that may be seen: without privilege those of `trusted.` are not. */
export function listXattrs(target: Path | number): string[] {
  const { path, call } = locate(target, 'listxattr');
  const names = readGrowing((list) => check(call.list(path, list, list.length), 'listxattr', shown(target)));
  return names
    .toString()
    .split('\0')
    .filter((name) => name !== '');
}

/** @throws SystemError: ENODATA when there is none of that name. */
export function removeXattr(target: Path | number, name: string): void {
  const { path, call } = locate(target, 'removexattr');
  check(call.remove(path, cPath(name, 'removexattr')), 'removexattr', shown(target));
}

function locate(target: Path | number, syscall: string) {
  return typeof target === 'number'
    ? { path: cPath(shown(target), syscall), call: calls.file }
    : { path: cPath(target, syscall), call: calls.link };
}

function shown(target: Path | number): string {
  return typeof target === 'number' ? `/proc/self/fd/${target}` : String(target);
}

function readGrowing(read: (buffer: Buffer) => number): Buffer {
  const small = Buffer.alloc(usualSize);
  try {
    return small.subarray(0, read(small));
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'ERANGE') {
      throw error;
    }
  }
  const large = Buffer.alloc(largestSize);
  return large.subarray(0, read(large));
}

/**
 * The C library this process runs on, reached through koffi: the one place that loads it.
 *
 * koffi unloads what it loaded when the Node environment (a worker, an Electron window) ends. That is harmless for
 * libc, which the executable itself holds; a library of ours must be linked with `-Wl,-z,nodelete`, or threads that
 * it started would return into unmapped memory.
 */
import { getSystemErrorMap } from 'node:util';
import koffi from 'koffi';

const libc = koffi.load(null);

/** A path as text, or as bytes when it came from the kernel and need not be UTF-8. */
export type Path = string | Buffer;

/** `dirFd` that means the working directory. */
export const AT_FDCWD = -100;

/** Shaped like the errors of `node:fs`, so that callers test `error.code` and need not know who made it. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  constructor(
    /** `ENOENT` and so on. */
    readonly code: string,
    /** Negative, as libuv has it. */
    readonly errno: number,
    readonly syscall: string,
    readonly path?: string,
    explanation = describe(-errno),
  ) {
    super(`${code}: ${explanation}, ${syscall}${path === undefined ? '' : ` '${path}'`}`);
  }
}

/**
 * Declares a function of libc. The type parameter is what the koffi types in `args` make of it.
 * Variadic functions may be declared with fixed integer arguments: on x64 and arm64 Linux both are passed alike.
 */
export function declare<F extends (...args: never[]) => unknown>(
  name: string,
  result: string,
  args: readonly string[],
): F {
  return libc.func(name, result, [...args]) as unknown as F;
}

/** Number of a system call that older glibc or musl has no function for; the table says so per architecture. */
export function systemCallNumber(numbers: { x64: number; arm64: number }): number {
  if (process.arch === 'x64' || process.arch === 'arm64') {
    return numbers[process.arch];
  }
  throw new SystemError('ENOSYS', -38, 'syscall', undefined, `architecture ${process.arch} is not supported`);
}

/**
 * Throws what errno says when `result` is -1, and answers with it otherwise.
 * To be called directly on the result: any other system call in between may overwrite errno.
 */
export function check(result: number, syscall: string, path?: Path): number {
  if (result !== -1) {
    return result;
  }
  const errno = koffi.errno();
  throw new SystemError(errnoName(errno), -errno, syscall, path === undefined ? undefined : String(path));
}

/**
 * The same, but undefined when errno is one of `codes`: what is no failure to the caller, and too frequent for an error to
 * be made of it each time.
 */
export function checkUnless(
  result: number,
  codes: readonly string[],
  syscall: string,
  path?: Path,
): number | undefined {
  if (result === -1 && codes.includes(errnoName(koffi.errno()))) {
    return undefined;
  }
  return check(result, syscall, path);
}

/** The path as libc takes it. A NUL inside would cut it short and name another file: refused with EINVAL. */
export function cPath(path: Path, syscall: string): Buffer {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path;
  if (bytes.includes(0)) {
    throw new SystemError('EINVAL', -22, syscall, String(path), 'path with a NUL byte');
  }
  return Buffer.concat([bytes, nul]);
}

const nul = Buffer.alloc(1);

const namesByErrno = new Map<number, string>();
for (const [name, number] of Object.entries(koffi.os.errno)) {
  if (!namesByErrno.has(number)) {
    namesByErrno.set(number, name);
  }
}

/** `ENOENT` for 2. Node's own name comes first: some numbers have two. */
export function errnoName(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[0] ?? namesByErrno.get(errno) ?? `errno ${errno}`;
}

const strerror = declare<(errno: number) => string>('strerror', 'str', ['int']);

function describe(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[1] ?? strerror(errno).toLowerCase();
}

/** Reading files of a root file system from outside: nothing in it is run, trusted, or waited for. */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, type Stats } from 'node:fs';
import { SystemError } from '../../native/bindings/libc.js';
import { O_PATH, openat2, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from '../../native/bindings/openat2.js';
import { fileSystemMagic, fstatfs } from '../../native/bindings/statfs.js';
import { ErrorCode, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import { openInLayers } from './layers.js';
import { isGone, procFolder } from './proc.js';
import { parseStat } from './stat.js';

/** A root file system, running or not. Paths are absolute in it; links are followed inside it, never out of it. */
export interface RootReader {
  /** What is at `path`, links followed; undefined when there is nothing. */
  stat(path: string): Promise<Stats | undefined>;
  /**
   * Content of a regular file; undefined when there is nothing at `path`.
   * @throws a terrariumError (BadInput) when it is something else, or longer than `maximumBytes`.
   */
  readFile(path: string, maximumBytes: number): Promise<Buffer | undefined>;
}

/**
 * The root of a running process, as /proc/PID/root shows it.
 * Its methods throw a terrariumError (NotFound) once the process has ended.
 */
export function runningRoot(identity: ProcessIdentity): RootReader {
  return reader((path) => {
    const root = openRootOf(identity);
    try {
      return openat2(root, path, { flags: O_PATH, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
    } finally {
      closeSync(root);
    }
  });
}

/** The root that an overlay of these folders would show, top first: for a container that does not run. */
export function layeredRoot(folders: readonly string[]): RootReader {
  return reader((path) => openInLayers(folders, path));
}

/** @param open gives an O_PATH descriptor of what is at a path. */
function reader(open: (path: string) => number): RootReader {
  const use = <T>(path: string, action: (fd: number) => T): T | undefined => {
    let fd: number;
    try {
      fd = open(path);
    } catch (error) {
      if (error instanceof SystemError) {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
          return undefined;
        }
        throw unreadable(path, error);
      }
      throw error;
    }
    try {
      return action(fd);
    } finally {
      closeSync(fd);
    }
  };
  return {
    stat: async (path) => use(path, (fd) => fstatSync(fd)),
    readFile: async (path, maximumBytes) => use(path, (fd) => readRegular(fd, path, maximumBytes)),
  };
}

/** Files of these are made up while they are read: that may block, or never end. */
const pseudoFileSystems: ReadonlySet<number> = new Set([
  fileSystemMagic.proc,
  fileSystemMagic.sysfs,
  fileSystemMagic.cgroup,
  fileSystemMagic.cgroup2,
  fileSystemMagic.fuse,
]);

function readRegular(fd: number, path: string, maximumBytes: number): Buffer {
  // Looked at before it is opened for reading: opening a FIFO or a device has effects of its own.
  const stats = fstatSync(fd);
  if (!stats.isFile() || pseudoFileSystems.has(fstatfs(fd).magic)) {
    throw terrariumError(ErrorCode.BadInput, `${path} in the container is no ordinary file`, { path });
  }
  let file: number;
  try {
    file = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException);
  }
  try {
    // One byte more than allowed: the file may grow between fstat and here.
    const buffer = Buffer.alloc(Math.min(stats.size, maximumBytes) + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(file, buffer, length, buffer.length - length, null);
    }
    if (stats.size > maximumBytes || length > maximumBytes) {
      throw terrariumError(ErrorCode.BadInput, `${path} in the container is larger than ${maximumBytes} bytes`, {
        path,
      });
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

function unreadable(path: string, error: NodeJS.ErrnoException): Error {
  return terrariumError(ErrorCode.BadInput, `${path} in the container cannot be read (${error.code})`, {
    path,
    ...(error.code ? { errno: error.code } : {}),
    ...(error.syscall ? { syscall: error.syscall } : {}),
    ...(error.code === 'EACCES'
      ? { cause: 'It belongs to another user of the container and is not readable for everybody.' }
      : {}),
  });
}

/** Opens /proc/PID/root (O_PATH), sure that the pid still stands for the same process. @throws NotFound once it has ended */
export function openRootOf({ pid, startTime }: ProcessIdentity): number {
  const gone = () => terrariumError(ErrorCode.NotFound, `Process ${pid} has ended`);
  try {
    const folder = openSync(`${procFolder}/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      // This descriptor of /proc/PID stays with its process, also when the pid is given to another.
      if (parseStat(readFileSync(`/proc/self/fd/${folder}/stat`, 'utf8')).startTime !== startTime) {
        throw gone();
      }
      return openat2(folder, 'root', { flags: O_PATH | constants.O_DIRECTORY });
    } finally {
      closeSync(folder);
    }
  } catch (error) {
    throw isGone(error) ? gone() : error;
  }
}

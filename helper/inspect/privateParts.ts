/**
 * What only the user of a process may read of it (environment, open files, I/O) and what only a thread in its namespaces
 * can (sysctls). Runs in the helper where the process is the person's own, and in an agent inside of its user namespace.
 */
import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { enterNamespace } from '../../native/bindings/namespaces.js';
import {
  ErrorCode,
  type NamespaceInodes,
  type OpenFile,
  type ProcessIdentity,
  terrariumError,
} from '../protocol/index.js';
import { linkNames, readNamespace } from './namespaces.js';
import { isDenied, isGone, unlessDenied, unlessGone } from './proc.js';
import { readStat } from './stat.js';
import { readSysctls, type SysctlNamespace, sysctlNamespaces } from './sysctls.js';

export interface PrivateQuestion {
  identity: ProcessIdentity;
  /** Its namespaces, as they were read from outside. */
  namespaces: NamespaceInodes;
  environment: boolean;
  files: boolean;
}

export interface PrivateParts {
  environment?: string[];
  files?: OpenFile[];
  io?: { readBytes: number; writtenBytes: number };
  sysctl: Record<string, string>;
  /** Namespaces whose sysctls are not among them: this thread is not in those. */
  otherNamespaces: SysctlNamespace[];
  /** Why no agent could go inside, where one was to. */
  notEntered?: string;
  /** Why one of the others is missing or not whole. */
  unreadable: Partial<Record<'environment' | 'files' | 'io', string>>;
}

/**
 * @param enter whether this thread may go into the process's namespaces for the sysctls, and stay there.
 * @throws NotFound when the process has ended, or is another one by now.
 */
export function readPrivateParts(
  { identity, namespaces, environment, files }: PrivateQuestion,
  enter: boolean,
): PrivateParts {
  const parts: PrivateParts = { sysctl: {}, otherNamespaces: [], unreadable: {} };
  const folder = unlessGone(() => openSync(`/proc/${identity.pid}`, constants.O_RDONLY | constants.O_DIRECTORY));
  if (folder === undefined) throw ended(identity.pid);
  // Through one descriptor, so that all of it is about the same process.
  const path = `/proc/self/fd/${folder}`;
  const attempt = (part: keyof PrivateParts['unreadable'], read: () => void) => {
    try {
      read();
    } catch (error) {
      if (isDenied(error)) parts.unreadable[part] = whyDenied(error);
      // A zombie is still there, but has given back its memory.
      else if (isGone(error) && readStat(folder, '/proc/self/fd')?.state === 'Z') parts.unreadable[part] = hasEnded;
      else throw error;
    }
  };
  try {
    if (readStat(folder, '/proc/self/fd')?.startTime !== identity.startTime) throw ended(identity.pid);
    if (environment) {
      attempt('environment', () => {
        const { entries, cut } = readEntries(`${path}/environ`, longestEnvironment);
        parts.environment = entries;
        if (cut) parts.unreadable.environment = `Cut after ${longestEnvironment} bytes.`;
      });
    }
    if (files) {
      attempt('files', () => {
        const { list, left } = readFiles(path);
        parts.files = list;
        if (left > 0) parts.unreadable.files = `${left} more are open.`;
      });
    }
    attempt('io', () => {
      parts.io = parseIo(readFileSync(`${path}/io`, 'utf8'));
    });
    const isShared = (type: SysctlNamespace) => namespaces[type] === readNamespace('self', type);
    for (const type of sysctlNamespaces) {
      // Only a process with a single thread may enter a user namespace.
      if (enter && type !== 'user' && !isShared(type)) enterNamespaceOf(folder, type);
    }
    parts.sysctl = readSysctls(sysctlNamespaces.filter(isShared));
    parts.otherNamespaces = sysctlNamespaces.filter((type) => !isShared(type));
    return parts;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOENT' || code === 'ESRCH' ? ended(identity.pid) : error;
  } finally {
    closeSync(folder);
  }
}

export function ended(pid: number): Error {
  return terrariumError(ErrorCode.NotFound, `Process ${pid} has ended`);
}

/** Why a zombie has no program, memory, files or mounts. */
export const hasEnded = 'The process has ended.';

/** In a sentence, beginning with the errno. */
export function whyDenied(error: unknown): string {
  const { code = 'EACCES', syscall = 'open' } = error as NodeJS.ErrnoException;
  return `${code} (${syscall}): this needs the process's own user, or CAP_SYS_PTRACE in its user namespace.`;
}

const longestEnvironment = 1024 * 1024;

/** Strings with a NUL after each, of a file that a process may make as long as its memory. Throws Node's errors. */
export function readEntries(file: string, most: number): { entries: string[]; cut: boolean } {
  const fd = openSync(file, constants.O_RDONLY);
  try {
    const buffer = Buffer.alloc(most + 1);
    let size = 0;
    // The kernel gives a page or so at a time.
    for (let read = -1; read !== 0 && size < buffer.length; size += read) {
      read = readSync(fd, buffer, size, buffer.length - size, null);
    }
    const text = buffer.toString('utf8', 0, Math.min(size, most)).replace(/\0+$/, '');
    return { entries: text === '' ? [] : text.split('\0'), cut: size > most };
  } finally {
    closeSync(fd);
  }
}

const mostFiles = 10_000;

function readFiles(path: string): { list: OpenFile[]; left: number } {
  const numbers = readdirSync(`${path}/fd`)
    .map(Number)
    .sort((one, other) => one - other);
  const list = numbers.slice(0, mostFiles).flatMap((fd) => {
    // Closed meanwhile: then it is no open file.
    const target = unlessGone(() => readlinkSync(`${path}/fd/${fd}`));
    const info = unlessGone(() => readFileSync(`${path}/fdinfo/${fd}`, 'utf8'));
    return target === undefined || info === undefined ? [] : [{ fd, target, ...parseFdinfo(info) }];
  });
  return { list, left: Math.max(0, numbers.length - mostFiles) };
}

/** `pos` and `flags` of proc_pid_fdinfo(5). */
export function parseFdinfo(text: string): Pick<OpenFile, 'position' | 'flags'> {
  const position = /^pos:\s+(\d+)/m.exec(text)?.[1];
  const flags = /^flags:\s+([0-7]+)/m.exec(text)?.[1];
  return {
    ...(position === undefined ? {} : { position: Number(position) }),
    ...(flags === undefined ? {} : { flags: openFlags(Number.parseInt(flags, 8)) }),
  };
}

/** fcntl.h of x64 and arm64; these are the ones that stay with an open file. */
const flagNames: readonly (readonly [number, string])[] = [
  [constants.O_APPEND, 'O_APPEND'],
  [constants.O_NONBLOCK, 'O_NONBLOCK'],
  [constants.O_SYNC, 'O_SYNC'],
  [constants.O_DIRECT, 'O_DIRECT'],
  [constants.O_DIRECTORY, 'O_DIRECTORY'],
  [constants.O_NOATIME, 'O_NOATIME'],
  [0o2000000, 'O_CLOEXEC'],
  [0o10000000, 'O_PATH'],
];

function openFlags(flags: number): string[] {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR'][flags & 3] ?? 'O_RDONLY';
  return [access, ...flagNames.filter(([bits]) => (flags & bits) === bits).map(([, name]) => name)];
}

/** What it read from and wrote to storage. proc_pid_io(5) */
function parseIo(text: string): { readBytes: number; writtenBytes: number } {
  const number = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? '0');
  return { readBytes: number('read_bytes'), writtenBytes: number('write_bytes') };
}

/** Goes in where the kernel lets this thread: nothing is said when not, since the thread is then not in it. */
function enterNamespaceOf(folder: number, type: SysctlNamespace): void {
  unlessDenied(() => {
    const fd = openSync(`/proc/self/fd/${folder}/ns/${linkNames[type]}`, constants.O_RDONLY);
    try {
      enterNamespace(fd);
    } finally {
      closeSync(fd);
    }
  });
}

/** The processes of a container, with the pids and owners that both sides see. */
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { NamespaceInodes, oci, ProcessIdentity, ProcessInfo } from '../protocol/index.js';
import { overflowId, readIdMap, toContainerId } from './idmap.js';
import { namespaceTypes, readNamespace, readNamespaces } from './namespaces.js';
import { procFolder, unlessDenied, unlessGone } from './proc.js';
import { type ProcessStat, parseCpuTime, parseStat, ticksPerSecond } from './stat.js';
import { type ProcessStatus, parseStatus } from './status.js';

export interface ListProcessesOptions {
  /** Processes that were made to enter the container: their parents are outside. */
  entered?: readonly ProcessIdentity[];
  /** Pids read from the cgroup.procs files of the container. */
  cgroupPids?: readonly number[];
  proc?: string;
}

/**
 * Every process in the container, its init first, then by pid inside; empty when init has ended.
 *
 * Found by the pid namespace where its link may be read, and as descendants of init, of what entered, and of what is
 * in the cgroup. In a pid namespace that is the host's or another container's, in which init is not the first, the mount
 * namespace tells who belongs to it: that one is never shared.
 */
export async function listProcesses(
  init: ProcessIdentity,
  { entered = [], cgroupPids = [], proc = procFolder }: ListProcessesOptions = {},
): Promise<ProcessInfo[]> {
  const first = readProcess(init.pid, proc);
  const map = readIdMap(init.pid, 'uid', proc);
  if (!first || first.stat.startTime !== init.startTime || !map) {
    return [];
  }
  const depth = first.status.pids.length;
  const own = findOwnNamespace(init.pid, first.status.pids.at(-1) === 1, proc);

  const found = new Map<number, RawProcess>();
  const waiting = [
    init.pid,
    ...entered
      .filter(({ pid, startTime }) => readProcess(pid, proc)?.stat.startTime === startTime)
      .map(({ pid }) => pid),
    ...cgroupPids,
    ...(own === undefined ? [] : pidsInNamespace(own, proc)),
  ];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    const process = found.has(pid) ? undefined : readProcess(pid, proc);
    // A helper process on its way in (in the cgroup, not yet in the pid namespace) has no pid at this depth.
    if (process && process.status.pids.length >= depth) {
      found.set(pid, process);
      waiting.push(...readChildren(pid, proc));
    }
  }
  const namespaces = unlessDenied(() => readNamespaces(init.pid, proc));
  return [...found.values()]
    .map((process) => ({
      ...toProcessInfo(process, depth, map),
      ...(namespaces === undefined ? {} : ownNamespaces(process.stat.pid, namespaces, proc)),
    }))
    .sort(
      (one, other) =>
        Number(other.identity.pid === init.pid) - Number(one.identity.pid === init.pid) ||
        one.innerPid - other.innerPid,
    );
}

/** Where it is elsewhere than in these; empty when it may not be told. A zombie is in none but those of its ids and pids. */
function ownNamespaces(pid: number, first: NamespaceInodes, proc: string): Pick<ProcessInfo, 'ownNamespaces'> {
  const own = unlessDenied(() => readNamespaces(pid, proc));
  if (own === undefined) return {};
  return { ownNamespaces: namespaceTypes.filter((type) => own[type] !== undefined && own[type] !== first[type]) };
}

export interface RawProcess {
  stat: ProcessStat;
  /** CPU time that it has used itself, in clock ticks. */
  cpuTicks: number;
  status: ProcessStatus;
  commandLine: string;
}

function toProcessInfo(
  { stat, cpuTicks, status, commandLine }: RawProcess,
  depth: number,
  map: readonly oci.IdMapping[],
): ProcessInfo {
  const [hostUid] = status.uids;
  return {
    identity: { pid: stat.pid, startTime: stat.startTime },
    // Pids in namespaces nested deeper still come after it.
    innerPid: status.pids[depth - 1] ?? stat.pid,
    parentPid: stat.parentPid,
    hostUid,
    uid: toContainerId(map, hostUid) ?? overflowId,
    command: commandLine || `[${stat.command}]`,
    state: stat.state,
    threads: stat.threads,
    rssBytes: status.rssBytes,
    cpuMicroseconds: (cpuTicks / ticksPerSecond) * 1e6,
  };
}

/** Reads through one descriptor of /proc/PID, so that all of it is about the same process. */
export function readProcess(pid: number, proc: string): RawProcess | undefined {
  return unlessGone(() => {
    const folder = openSync(`${proc}/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const inside = `/proc/self/fd/${folder}`;
      const stat = readFileSync(`${inside}/stat`, 'utf8');
      const cpu = parseCpuTime(stat);
      return {
        stat: parseStat(stat),
        cpuTicks: cpu.user + cpu.system,
        status: parseStatus(readFileSync(`${inside}/status`, 'utf8')),
        commandLine: readCommandLine(`${inside}/cmdline`),
      };
    } finally {
      closeSync(folder);
    }
  });
}

/** A process may make its command line as long as its memory. */
const longestCommandLine = 4096;

/** The arguments with spaces between, cut where they get long; empty for kernel threads and zombies. Throws Node's errors. */
export function readCommandLine(path: string): string {
  const file = openSync(path, constants.O_RDONLY);
  try {
    const buffer = Buffer.alloc(longestCommandLine);
    const size = readSync(file, buffer, 0, buffer.length, null);
    return buffer.toString('utf8', 0, size).replace(/\0+$/, '').replaceAll('\0', ' ');
  } finally {
    closeSync(file);
  }
}

/** Children of every thread. The kernel may leave one out while they change: the pid namespace makes up for it. */
function readChildren(pid: number, proc: string): number[] {
  const threads = unlessGone(() => readdirSync(`${proc}/${pid}/task`)) ?? [];
  return threads.flatMap((thread) => {
    const text = unlessGone(() => readFileSync(`${proc}/${pid}/task/${thread}/children`, 'utf8')) ?? '';
    return text.split(' ').filter(Boolean).map(Number);
  });
}

interface OwnNamespace {
  type: oci.NamespaceType;
  inode: number;
}

/** The pid namespace that init is the first in, else its mount namespace; undefined when both are ours or may not be read. */
function findOwnNamespace(pid: number, isFirst: boolean, proc: string): OwnNamespace | undefined {
  for (const type of isFirst ? (['pid', 'mount'] as const) : (['mount'] as const)) {
    const inode = unlessDenied(() => readNamespace(pid, type, proc));
    if (inode !== undefined && inode !== readNamespace('self', type, proc)) return { type, inode };
  }
  return undefined;
}

function pidsInNamespace({ type, inode }: OwnNamespace, proc: string): number[] {
  return (
    readdirSync(proc)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      // Links of processes of other users may not be read: those are then not found by namespace.
      .filter((pid) => unlessDenied(() => readNamespace(pid, type, proc)) === inode)
  );
}

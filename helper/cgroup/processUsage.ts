import { readdir, readFile } from 'node:fs/promises';
import * as path from 'node:path';

/** What a set of processes uses, summed from /proc. */
export interface ProcessUsage {
  pids: number;
  /** Resident bytes; pages shared between processes count once for each. */
  memoryBytes: number;
  /** Nanoseconds of CPU time, children that were waited for included. */
  cpuNanoseconds: number;
}

/** USER_HZ: what /proc counts CPU time in, the same on every Linux that Node runs on. */
const nanosecondsPerTick = 10_000_000;

/**
 * Sums the processes `roots` and their descendants, each once. Those that entered a container are children of a monitor,
 * not of its init, so their pids are to be given too. Gone ones count nothing.
 */
export async function sumProcesses(roots: readonly number[], proc = '/proc'): Promise<ProcessUsage> {
  const total: ProcessUsage = { pids: 0, memoryBytes: 0, cpuNanoseconds: 0 };
  const seen = new Set<number>();
  let level = [...roots];
  while (level.length > 0) {
    const fresh = level.filter((pid) => !seen.has(pid));
    for (const pid of fresh) seen.add(pid);
    const below = await Promise.all(fresh.map((pid) => addProcess(total, path.join(proc, String(pid)))));
    level = below.flat();
  }
  return total;
}

/** Adds one process and answers with its children. */
async function addProcess(total: ProcessUsage, folder: string): Promise<number[]> {
  try {
    const [stat, status, children] = await Promise.all([
      readFile(path.join(folder, 'stat'), 'utf8'),
      readFile(path.join(folder, 'status'), 'utf8'),
      readChildren(path.join(folder, 'task')),
    ]);
    total.pids += 1;
    total.memoryBytes += Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    total.cpuNanoseconds += cpuTicks(stat) * nanosecondsPerTick;
    return children;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH') return [];
    throw error;
  }
}

/** Children are listed with the thread that made them, which in a Go program may be any. */
async function readChildren(tasks: string): Promise<number[]> {
  const threads = await readdir(tasks);
  const lists = await Promise.all(threads.map((thread) => readFile(path.join(tasks, thread, 'children'), 'utf8')));
  return lists
    .join(' ')
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
}

/** utime, stime, cutime and cstime: fields 14 to 17 of /proc/PID/stat, after a name that may hold anything. */
function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { procFolder, unlessGone } from '../inspect/proc.js';
import { type ProcessStat, parseStat } from '../inspect/stat.js';
import type { ProcessIdentity } from '../protocol/index.js';

/** What a set of processes uses, summed from /proc. */
export interface ProcessUsage {
  /** Processes and their threads, as pids.current counts them. */
  tasks: number;
  /** Resident bytes; pages shared between processes count once for each. */
  memoryBytes: number;
  /** Nanoseconds of CPU time, children that were waited for included. */
  cpuNanoseconds: number;
}

/** USER_HZ: what /proc counts CPU time in, the same on every Linux that Node runs on. */
const ticksPerSecond = 100;
const nanosecondsPerTick = 1e9 / ticksPerSecond;

/** A process that has just been made may still be on its way into other namespaces. */
const settledAfterTicks = 5 * ticksPerSecond;

interface Namespaces {
  startTime: number;
  pid: string | undefined;
  mount: string | undefined;
}

/**
 * All processes of the machine, read once for all containers that have no cgroup to ask. Whose a process is: init's
 * descendants, and those in init's pid namespace or, where that is the machine's, in its mount namespace; what entered a
 * container is no child of its init. Namespaces are looked up once for each process.
 */
export class ProcessTable {
  private processes = new Map<number, ProcessStat>();
  private children = new Map<number, number[]>();
  private readonly namespaces = new Map<number, Namespaces>();
  /** Pids by the link of a namespace they are in; made when it is first asked for. */
  private byNamespace: Map<string, number[]> | undefined;
  private own: Namespaces | undefined;
  private now = 0;

  constructor(private readonly proc = procFolder) {}

  /** Reads the table anew. */
  refresh(): void {
    this.own ??= this.readNamespaces('self', 0);
    this.now = Number(readFileSync(`${this.proc}/uptime`, 'latin1').split(' ', 1)[0]) * ticksPerSecond;
    this.processes = new Map();
    this.children = new Map();
    this.byNamespace = undefined;
    for (const name of readdirSync(this.proc)) {
      const first = name.charCodeAt(0);
      if (first < 0x31 || first > 0x39) continue;
      const process = unlessGone(() => parseStat(readFileSync(`${this.proc}/${name}/stat`, 'latin1')));
      if (process === undefined) continue;
      this.processes.set(process.pid, process);
      const siblings = this.children.get(process.parentPid);
      if (siblings === undefined) this.children.set(process.parentPid, [process.pid]);
      else siblings.push(process.pid);
    }
    for (const pid of this.namespaces.keys()) if (!this.processes.has(pid)) this.namespaces.delete(pid);
  }

  /** Sums the processes of a container, as of the last refresh; undefined when its init was not there. */
  sum(init: ProcessIdentity): ProcessUsage | undefined {
    if (this.processes.get(init.pid)?.startTime !== init.startTime) return undefined;
    const total: ProcessUsage = { tasks: 0, memoryBytes: 0, cpuNanoseconds: 0 };
    for (const pid of this.members(init.pid)) {
      const process = this.processes.get(pid);
      const status = unlessGone(() => readFileSync(`${this.proc}/${pid}/status`, 'latin1'));
      if (process === undefined || status === undefined) continue;
      total.tasks += process.threads;
      // stat has it too, but off by up to 64 pages for each CPU: proc_pid_stat(5).
      total.memoryBytes += Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
      total.cpuNanoseconds += process.cpuTicks * nanosecondsPerTick;
    }
    return total;
  }

  private members(init: number): Set<number> {
    const found = new Set<number>();
    const waiting = [init, ...this.inNamespaceOf(init)];
    for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
      if (found.has(pid)) continue;
      found.add(pid);
      waiting.push(...(this.children.get(pid) ?? []));
    }
    return found;
  }

  private inNamespaceOf(init: number): readonly number[] {
    const wanted = this.namespacesOf(init);
    const kind = (['pid', 'mount'] as const).find(
      (type) => wanted?.[type] !== undefined && wanted[type] !== this.own?.[type],
    );
    const link = kind === undefined ? undefined : wanted?.[kind];
    if (link === undefined) return [];
    this.byNamespace ??= this.indexNamespaces();
    return this.byNamespace.get(link) ?? [];
  }

  private indexNamespaces(): Map<string, number[]> {
    const index = new Map<string, number[]>();
    for (const pid of this.processes.keys()) {
      const namespaces = this.namespacesOf(pid);
      for (const link of [namespaces?.pid, namespaces?.mount]) {
        if (link === undefined) continue;
        const inside = index.get(link);
        if (inside === undefined) index.set(link, [pid]);
        else inside.push(pid);
      }
    }
    return index;
  }

  private namespacesOf(pid: number): Namespaces | undefined {
    const process = this.processes.get(pid);
    if (process === undefined) return undefined;
    const known = this.namespaces.get(pid);
    if (known?.startTime === process.startTime) return known;
    const found = this.readNamespaces(String(pid), process.startTime);
    if (this.now - process.startTime > settledAfterTicks) this.namespaces.set(pid, found);
    return found;
  }

  private readNamespaces(name: string, startTime: number): Namespaces {
    const read = (type: string): string | undefined => {
      try {
        return unlessGone(() => readlinkSync(`${this.proc}/${name}/ns/${type}`));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // Of other users: none of ours.
        if (code === 'EACCES' || code === 'EPERM') return undefined;
        throw error;
      }
    };
    return { startTime, pid: read('pid'), mount: read('mnt') };
  }
}

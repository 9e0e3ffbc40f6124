/** The control groups of the machine, whoever made them, as far as this user may read them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { procFolder } from '../inspect/proc.js';
import { readProcess } from '../inspect/processes.js';
import { type CgroupNode, type CgroupProcess, ErrorCode, terrariumError } from '../protocol/index.js';
import { mayWrite, parseKeyed } from './file.js';
import type { CgroupMount } from './mounts.js';

/** Whose a cgroup is, by its folder, where it is one of ours. */
export interface CgroupOwners {
  containers: ReadonlyMap<string, { id: string; name: string }>;
  groups: ReadonlyMap<string, string>;
}

/**
 * After so many groups or processes others get their turn. Files of cgroupfs are made on reading and never wait for a disk,
 * so reading them at once is several times cheaper than through the thread pool.
 */
const batch = 64;

/** The mounted hierarchies, with their root groups' numbers: v2 first, then by controllers. */
export function listHierarchies(mounts: readonly CgroupMount[], owners: CgroupOwners): CgroupNode[] {
  return mounts
    .flatMap((mount) => {
      const name = mount.version === 2 ? 'cgroup2' : mount.controllers.join(',');
      return describeGroup(mount, mount.mountPoint, name, owners) ?? [];
    })
    .sort((a, b) => b.version - a.version || a.name.localeCompare(b.name));
}

/**
 * The groups below a folder, by name; none when it is gone. Only what is in this folder is read.
 * @throws `Unavailable` when it may not be read
 */
export async function listGroups(mount: CgroupMount, folder: string, owners: CgroupOwners): Promise<CgroupNode[]> {
  let names: string[];
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isGone(error)) return [];
    throw unreadable(folder, error);
  }
  const nodes: CgroupNode[] = [];
  for (const [index, name] of names.sort(byName).entries()) {
    if (index % batch === batch - 1) await breathe();
    const node = describeGroup(mount, path.join(folder, name), name, owners);
    if (node !== undefined) nodes.push(node);
  }
  return nodes;
}

const collator = new Intl.Collator('en', { numeric: true });
const byName = (a: string, b: string): number => collator.compare(a, b);

/** One group, or undefined when it is gone. Numbers that this hierarchy does not count, or hides, are absent. */
function describeGroup(mount: CgroupMount, folder: string, name: string, owners: CgroupOwners): CgroupNode | undefined {
  // kernfs counts groups below as links, so that they need not be listed.
  const links = unlessMissing(() => statSync(folder).nlink);
  if (links === undefined) return undefined;
  const read = (file: string): string | undefined =>
    unlessMissing(() => readFileSync(path.join(folder, file), 'utf8').trimEnd());
  const number = (file: string): number | undefined => {
    const text = read(file);
    return text === undefined ? undefined : Number(text);
  };
  const v2 = mount.version === 2;
  const controllers = v2 ? words(read('cgroup.controllers')) : mount.controllers;
  const has = (controller: string): boolean => v2 || controllers.includes(controller);
  const members = read('cgroup.procs');
  const processes = members === undefined ? undefined : lines(members).length;
  const memoryBytes = has('memory') ? number(v2 ? 'memory.current' : 'memory.usage_in_bytes') : undefined;
  const pids = has('pids') ? number('pids.current') : undefined;
  const populated = v2 ? parseKeyed(read('cgroup.events')).get('populated') : undefined;
  const cpuMicroseconds = v2
    ? parseKeyed(read('cpu.stat')).get('usage_usec')
    : has('cpuacct')
      ? nanosecondsToMicroseconds(number('cpuacct.usage'))
      : undefined;
  const container = owners.containers.get(folder);
  const group = owners.groups.get(folder);
  return {
    path: folder,
    name,
    version: mount.version,
    controllers,
    hasChildren: links > 2,
    ...(processes === undefined ? {} : { processes }),
    ...(populated === undefined ? {} : { populated: populated > 0 }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(pids === undefined ? {} : { pids }),
    ...(cpuMicroseconds === undefined ? {} : { cpuMicroseconds }),
    writable: isWritable(mount.version, controllers, folder),
    ...(container === undefined ? {} : { container }),
    ...(group === undefined ? {} : { group }),
  };
}

/** For each controller one of its files that hold limits: who may write one may write the others. */
const limitFiles: Readonly<Record<string, { 1?: string; 2?: string }>> = {
  memory: { 1: 'memory.limit_in_bytes', 2: 'memory.max' },
  cpu: { 1: 'cpu.shares', 2: 'cpu.max' },
  cpuset: { 1: 'cpuset.cpus', 2: 'cpuset.cpus' },
  pids: { 1: 'pids.max', 2: 'pids.max' },
  io: { 2: 'io.max' },
  blkio: { 1: 'blkio.throttle.read_bps_device' },
  misc: { 1: 'misc.max', 2: 'misc.max' },
  rdma: { 1: 'rdma.max', 2: 'rdma.max' },
};

function isWritable(version: 1 | 2, controllers: readonly string[], folder: string): boolean {
  return controllers.some((controller) => {
    const file =
      limitFiles[controller]?.[version] ?? (controller === 'hugetlb' ? hugePages(version, folder) : undefined);
    return file !== undefined && mayWrite(path.join(folder, file));
  });
}

/** The file for one of the sizes of huge pages, which differ from machine to machine. */
function hugePages(version: 1 | 2, folder: string): string | undefined {
  const pattern = version === 2 ? /^hugetlb\.\w+\.max$/ : /^hugetlb\.\w+\.limit_in_bytes$/;
  return unlessMissing(() => readdirSync(folder))?.find((name) => pattern.test(name));
}

/**
 * The processes in a group, not below it, by pid; none when it is gone. Processes of a pid namespace that this one does not
 * see have no pid to give (cgroups(7)) and are left out.
 * @param users names of this machine's users by id; without one the number stands
 * @throws `Unavailable` when they may not be read
 */
export async function listGroupProcesses(folder: string, users: ReadonlyMap<number, string>): Promise<CgroupProcess[]> {
  const found: CgroupProcess[] = [];
  const pids = readMembers(folder)
    .map(Number)
    .filter((pid) => pid > 0)
    .sort((a, b) => a - b);
  for (const [index, pid] of pids.entries()) {
    if (index % batch === batch - 1) await breathe();
    const process = readProcess(pid, procFolder);
    if (process === undefined) continue;
    const [uid] = process.status.uids;
    found.push({
      pid,
      startTime: process.stat.startTime,
      user: users.get(uid) ?? String(uid),
      command: process.commandLine || `[${process.stat.command}]`,
    });
  }
  return found;
}

function readMembers(folder: string): string[] {
  try {
    return lines(readFileSync(path.join(folder, 'cgroup.procs'), 'utf8'));
  } catch (error) {
    if (isGone(error)) return [];
    // A threaded group of v2 holds threads of processes that count as another group's (cgroup-v2.rst, "Threads").
    if ((error as NodeJS.ErrnoException).code === 'EOPNOTSUPP' || (error as NodeJS.ErrnoException).code === 'ENOTSUP') {
      return lines(readFileSync(path.join(folder, 'cgroup.threads'), 'utf8'));
    }
    throw unreadable(folder, error);
  }
}

/** Missing, gone meanwhile, hidden from this user, or not to be had in a group of this kind: there is no number then. */
function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (isGone(error) || code === 'EACCES' || code === 'EOPNOTSUPP' || code === 'ENOTSUP') return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENODEV' || code === 'ENOTDIR';
}

function unreadable(folder: string, error: unknown): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM') return error;
  return terrariumError(ErrorCode.Unavailable, `${folder} cannot be read: ${message}`, {
    path: folder,
    errno: code,
    ...(syscall === undefined ? {} : { syscall }),
    cause: 'This control group belongs to another user, who does not let others look into it.',
    fix: 'Look at it as its owner.',
  });
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const words = (text: string | undefined): string[] => (text ?? '').split(' ').filter((word) => word !== '');
const nanosecondsToMicroseconds = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : Math.round(value / 1000);

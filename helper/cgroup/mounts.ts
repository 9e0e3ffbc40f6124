import type { Stats } from 'node:fs';
import { realpath, stat, statfs } from 'node:fs/promises';
import * as path from 'node:path';
import { parseMountinfo } from '../inspect/mountinfo.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import { CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC } from './record.js';

/** A hierarchy of control groups as it is mounted here. */
export interface CgroupMount {
  version: 1 | 2;
  /** Of v1: its controllers, or `name=…` of one without. Empty for v2, whose controllers depend on the folder. */
  controllers: string[];
  mountPoint: string;
}

/** What of the options of a v1 mount names it: controllers, or a name instead of one. Source: cgroups(7). */
const v1Name =
  /^(blkio|cpu|cpuacct|cpuset|debug|devices|freezer|hugetlb|memory|misc|net_cls|net_prio|perf_event|pids|rdma|name=.*)$/;

/** The mounted hierarchies of /proc/PID/mountinfo, each once: by its shortest mount point that shows its root. Pure. */
export function cgroupMounts(mountinfo: string): CgroupMount[] {
  const byDevice = new Map<string, { mount: CgroupMount; root: string }>();
  for (const { type, destination, root, device, superOptions } of parseMountinfo(mountinfo)) {
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const known = byDevice.get(device);
    const better = known === undefined || rank(root, destination) < rank(known.root, known.mount.mountPoint);
    if (!better) continue;
    const version = type === 'cgroup2' ? 2 : 1;
    const controllers = version === 2 ? [] : superOptions.filter((option) => v1Name.test(option));
    byDevice.set(device, { mount: { version, controllers, mountPoint: destination }, root });
  }
  return [...byDevice.values()].map(({ mount }) => mount);
}

const rank = (root: string, destination: string): number => (root === '/' ? 0 : 1_000_000) + destination.length;

/**
 * The hierarchy that a path from a client is in; undefined when there is no such folder (any more).
 * @throws `Invalid` for what is not a folder of a mounted hierarchy, written without detours or links.
 */
export async function findCgroup(folder: string, mounts: readonly CgroupMount[]): Promise<CgroupMount | undefined> {
  const mount = mounts
    .filter(({ mountPoint }) => folder === mountPoint || folder.startsWith(`${mountPoint}/`))
    .sort((a, b) => b.mountPoint.length - a.mountPoint.length)[0];
  if (mount === undefined || path.normalize(folder) !== folder || folder.includes('\0')) throw notACgroup(folder);
  let found: [string, { type: number }, Stats];
  try {
    found = await Promise.all([realpath(folder), statfs(folder), stat(folder)]);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') throw notACgroup(folder);
    throw error;
  }
  const [real, { type }, status] = found;
  // Something else may be mounted on a folder of the hierarchy.
  if (
    !status.isDirectory() ||
    real !== folder ||
    type !== (mount.version === 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC)
  ) {
    throw notACgroup(folder);
  }
  return mount;
}

function notACgroup(folder: string): Error {
  return terrariumError(ErrorCode.Invalid, `${JSON.stringify(folder.slice(0, 400))} is no control group`, {
    path: folder,
    cause: 'Only folders of a mounted hierarchy (cgroup or cgroup2) can be looked into, by their plain absolute path.',
    fix: 'See where hierarchies are mounted.',
    command: 'findmnt --types cgroup,cgroup2',
  });
}

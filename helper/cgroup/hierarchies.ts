import * as path from 'node:path';
import { parseMountinfo } from '../inspect/mountinfo.js';

/** A mounted cgroup hierarchy and where a process stands in it. */
export interface Hierarchy {
  version: 1 | 2;
  /** Of v1; empty for v2, whose controllers depend on the folder. */
  controllers: string[];
  mountPoint: string;
  /** The process's own folder: absolute, below the mount point. */
  folder: string;
  /** Mounted so that nobody can write there, whoever owns it. */
  readOnly: boolean;
}

/**
 * Joins /proc/PID/cgroup with /proc/PID/mountinfo. Hierarchies that are not mounted, groups above what the mount or the
 * cgroup namespace shows (`/../…`), and mounts from outside of that namespace, in which nobody can tell where the process
 * stands, are left out. Source: cgroups(7), cgroup_namespaces(7), proc_pid_mountinfo(5).
 */
export function findHierarchies(procCgroup: string, mountinfo: string): Hierarchy[] {
  const mounts = parseMountinfo(mountinfo);
  const found: Hierarchy[] = [];
  for (const line of procCgroup.split('\n')) {
    const match = /^(\d+):([^:]*):(.*)$/.exec(line);
    if (match === null) continue;
    const [, id = '', names = '', group = ''] = match;
    if (group.split('/').includes('..')) continue;
    const controllers = names === '' ? [] : names.split(',');
    const version = id === '0' ? 2 : 1;
    for (const mount of mounts) {
      const same =
        version === 2
          ? mount.type === 'cgroup2'
          : mount.type === 'cgroup' && controllers.every((name) => mount.superOptions.includes(name));
      if (!same || mount.root.split('/').includes('..')) continue;
      const below = path.posix.relative(mount.root, group);
      if (below === '..' || below.startsWith('../')) continue;
      found.push({
        version,
        controllers,
        mountPoint: mount.destination,
        folder: path.posix.join(mount.destination, below),
        readOnly: [...mount.options, ...mount.superOptions].includes('ro'),
      });
      break;
    }
  }
  return found;
}

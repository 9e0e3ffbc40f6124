import * as path from 'node:path';

/**
 * The cgroup of a running container, stored with its state. v2 has one folder, under the key `unified`; v1 has one per
 * controller. Paths are the machine's, absolute.
 */
export interface CgroupRecord {
  version: 1 | 2;
  paths: Record<string, string>;
}

/** Controllers of cgroup v1 that Terrarium uses where they are delegated. */
export const v1Controllers = [
  'memory',
  'pids',
  'cpu',
  'cpuacct',
  'freezer',
  'cpuset',
  'blkio',
  'hugetlb',
  'misc',
  'rdma',
] as const;
export type V1Controller = (typeof v1Controllers)[number];

/** statfs(2) magic numbers. Source: linux/magic.h. */
export const CGROUP_SUPER_MAGIC = 0x27e0eb;
export const CGROUP2_SUPER_MAGIC = 0x63677270;

/** The folder with a controller's files, or undefined when the container has none. */
export function controllerFolder(record: CgroupRecord, controller: string): string | undefined {
  return record.version === 2 ? record.paths.unified : record.paths[controller];
}

/** A file of a controller of the container's cgroup. */
export function controllerFile(record: CgroupRecord, controller: string, file: string): string | undefined {
  const folder = controllerFolder(record, controller);
  return folder === undefined ? undefined : path.join(folder, file);
}

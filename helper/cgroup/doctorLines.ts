import type { DoctorLineId } from '../protocol/index.js';

const lines: ReadonlyMap<string, DoctorLineId> = new Map([
  ['memory', 'cgroup-memory'],
  ['cpu', 'cgroup-cpu'],
  ['cpuset', 'cgroup-cpuset'],
  ['pids', 'cgroup-pids'],
  ['io', 'cgroup-io'],
  ['blkio', 'cgroup-io'],
  ['hugetlb', 'cgroup-hugetlb'],
  ['freezer', 'cgroup-freezer'],
]);

/** The line of the doctor that tries a controller, by its name on v2 or v1; for others the one on groups as such. Pure. */
export function doctorLineOf(controller: string): DoctorLineId {
  return lines.get(controller) ?? 'cgroup';
}

import * as path from 'node:path';
import type { Step } from '../plan/step.js';
import { type DoctorLineId, ErrorCode, knobOf, type oci, terrariumError } from '../protocol/index.js';
import type { CgroupAccess } from './access.js';
import { type ControlWrite, v1Writes, v2Writes } from './controlFiles.js';
import { doctorLineOf } from './doctorLines.js';
import { containerRecord, foldersOf, groupsAbove } from './layout.js';
import { CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, type CgroupRecord, controllerFile } from './record.js';
import type { CgroupNotice } from './remedy.js';
import { limitsOf } from './resources.js';

/** The part of a container's plan that puts it into its cgroup, with limits that are in force before it is born. */
export interface CgroupSteps {
  beforeClone: Step[];
  /** For the `clone` step: a v2 folder, or empty. */
  cloneInto: string;
  afterClone: Step[];
  /** For the `monitor` step: where it reads OOM kills, or empty. */
  eventsFile: string;
  /** To keep with the container's state; undefined when it has no cgroup. */
  record: CgroupRecord | undefined;
}

/** v2 enables these for every cgroup, without any controller. */
const coreOfV2 = 'cgroup';

/**
 * Steps for a new container. The groups above its cgroup are there already: see groups.ts. Pure.
 * @param group the name of the group that it is in, besides that of all containers
 * @throws `Unavailable` with a remedy when a limit is asked for that no controller here can hold, `Invalid` for nonsense.
 */
export function cgroupSteps(
  access: CgroupAccess,
  containerId: string,
  resources: oci.Resources | undefined,
  group?: string,
): CgroupSteps {
  const writes = limitWrites(access, resources);
  const record = containerRecord(access, containerId, group);
  if (record === undefined) {
    return { beforeClone: [], cloneInto: '', afterClone: [], eventsFile: '', record: undefined };
  }
  const folders = foldersOf(record);
  const [first = ''] = folders;
  const magic = record.version === 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
  const events =
    record.version === 1
      ? controllerFile(record, 'memory', 'memory.oom_control')
      : access.mode === 'v2' && access.controllers.includes('memory')
        ? path.join(first, 'memory.events')
        : undefined;
  return {
    beforeClone: [
      { kind: 'shareCgroups', paths: folders.flatMap(groupsAbove) },
      ...folders.map((folder): Step => ({ kind: 'makeCgroup', path: folder })),
      ...writes.map(
        ({ controller, file, data }): Step => ({
          kind: 'writeFile',
          path: controllerFile(record, controller, file) ?? '',
          data,
          magic,
        }),
      ),
    ],
    cloneInto: record.version === 2 ? first : '',
    afterClone: record.version === 2 ? [] : folders.map((folder): Step => ({ kind: 'joinCgroup', path: folder })),
    eventsFile: events ?? '',
    record,
  };
}

/**
 * Writes that give a new cgroup its limits. Pure.
 * @throws `Unavailable` with a remedy for a limit that no controller here can hold, `Invalid` for nonsense.
 */
export function limitWrites(access: CgroupAccess, resources: oci.Resources | undefined): ControlWrite[] {
  const limits = limitsOf(resources);
  if (access.mode === 'none') {
    // No limit, as OCI's -1 says it, is what there is without cgroups.
    const asked = v2Writes(limits).filter(({ file, data }) => data !== knobOf(file).cleared);
    const files = asked.map(({ file }) => file);
    if (files.length > 0) throw missingController(files, access, 'cgroup');
    return [];
  }
  const writes = access.mode === 'v2' ? v2Writes(limits) : v1Writes(limits);
  refuseMissing(writes, access);
  return writes;
}

/** Steps for a process that enters a container: into the same cgroup, under the same limits. Pure. */
export function enterSteps(record: CgroupRecord | undefined): Omit<CgroupSteps, 'record'> {
  const folders = [...new Set(Object.values(record?.paths ?? {}))];
  const joins = record?.version === 1;
  return {
    beforeClone: [],
    cloneInto: joins ? '' : (folders[0] ?? ''),
    afterClone: joins ? folders.map((folder): Step => ({ kind: 'joinCgroup', path: folder })) : [],
    eventsFile: '',
  };
}

function refuseMissing(writes: readonly ControlWrite[], access: Exclude<CgroupAccess, { mode: 'none' }>): void {
  const present = access.mode === 'v2' ? [...access.controllers, coreOfV2] : Object.keys(access.parents);
  const missing = writes.filter((write) => !present.includes(write.controller));
  const [first] = missing;
  if (first === undefined) return;
  throw missingController(
    missing.map((write) => write.file),
    access.absent?.[first.controller] ??
      access.notice ?? {
        reason: `The controller ${first.controller} is not available to you here.`,
        remedy: 'Leave the limit out, or ask the administrator to delegate the controller.',
      },
    doctorLineOf(first.controller),
  );
}

function missingController(
  files: readonly string[],
  { reason, remedy, command }: CgroupNotice,
  doctor: DoctorLineId,
): Error {
  return terrariumError(ErrorCode.Unavailable, `${files.join(', ')} cannot be limited on this machine`, {
    cause: reason,
    fix: remedy,
    ...(command === undefined ? {} : { command }),
    doctor,
  });
}

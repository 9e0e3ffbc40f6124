import * as path from 'node:path';
import type { Step } from '../plan/step.js';
import { ErrorCode, type oci, terrariumError } from '../protocol/index.js';
import type { CgroupAccess } from './access.js';
import { type ControlWrite, v1Writes, v2Writes } from './controlFiles.js';
import { CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, type CgroupRecord } from './record.js';
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
 * Steps for a new container. Pure.
 * Throws `Unavailable` with a remedy when a limit is asked for that no controller here can hold, `Invalid` for nonsense.
 */
export function cgroupSteps(
  access: CgroupAccess,
  containerId: string,
  resources: oci.Resources | undefined,
): CgroupSteps {
  const limits = limitsOf(resources);
  if (access.mode === 'none') {
    const asked = v2Writes(limits).map((write) => write.file);
    if (asked.length > 0) throw missingController(asked, access);
    return { beforeClone: [], cloneInto: '', afterClone: [], eventsFile: '', record: undefined };
  }
  if (access.mode === 'v2') {
    const folder = path.join(access.parent, groupName(access.parent, containerId));
    const writes = v2Writes(limits);
    refuseMissing(writes, [...access.controllers, coreOfV2], access.notice);
    return {
      beforeClone: [
        { kind: 'makeCgroup', path: folder },
        ...writes.map((write): Step => writeStep(folder, write, CGROUP2_SUPER_MAGIC)),
      ],
      cloneInto: folder,
      afterClone: [],
      eventsFile: access.controllers.includes('memory') ? path.join(folder, 'memory.events') : '',
      record: { version: 2, paths: { unified: folder } },
    };
  }
  const paths: Record<string, string> = {};
  for (const [controller, parent] of Object.entries(access.parents)) {
    paths[controller] = path.join(parent, groupName(parent, containerId));
  }
  const writes = v1Writes(limits);
  refuseMissing(writes, Object.keys(paths), access.notice);
  // cpu and cpuacct are often one hierarchy, mounted once: make and join each folder once.
  const folders = [...new Set(Object.values(paths))];
  return {
    beforeClone: [
      ...folders.map((folder): Step => ({ kind: 'makeCgroup', path: folder })),
      ...writes.map((write) => writeStep(paths[write.controller] ?? '', write, CGROUP_SUPER_MAGIC)),
    ],
    cloneInto: '',
    afterClone: folders.map((folder): Step => ({ kind: 'joinCgroup', path: folder })),
    eventsFile: paths.memory === undefined ? '' : path.join(paths.memory, 'memory.oom_control'),
    record: { version: 1, paths },
  };
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

/** Inside the unit that is ours the id is enough; elsewhere the folder says whose it is. */
function groupName(parent: string, containerId: string): string {
  return path.basename(parent).startsWith('terrarium') ? containerId : `terrarium-${containerId}`;
}

function writeStep(folder: string, write: ControlWrite, magic: number): Step {
  return { kind: 'writeFile', path: path.join(folder, write.file), data: write.data, magic };
}

interface Notice {
  reason: string;
  remedy: string;
}

function refuseMissing(writes: readonly ControlWrite[], present: readonly string[], notice: Notice | undefined): void {
  const missing = writes.filter((write) => !present.includes(write.controller));
  if (missing.length === 0) return;
  const controllers = [...new Set(missing.map((write) => write.controller))].join(', ');
  throw missingController(
    missing.map((write) => write.file),
    notice ?? {
      reason: `The controller ${controllers} is not available to you here.`,
      remedy: 'Leave the limit out, or ask the administrator to delegate the controller.',
    },
  );
}

function missingController(files: readonly string[], { reason, remedy }: Notice): Error {
  return terrariumError(ErrorCode.Unavailable, `${files.join(', ')} cannot be limited on this machine`, {
    cause: reason,
    fix: remedy,
  });
}

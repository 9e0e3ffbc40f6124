import type { CgroupAccess } from '../cgroup/access.js';
import type { ControlWrite } from '../cgroup/controlFiles.js';
import { groupIdentity, makeGroup, wasRemoved } from '../cgroup/groups.js';
import { groupRecord } from '../cgroup/layout.js';
import { limitWrites } from '../cgroup/plan.js';
import type { CgroupRecord } from '../cgroup/record.js';
import { isPod, podNames } from '../pods/store.js';
import {
  allContainers,
  ErrorCode,
  type GroupSummary,
  type oci,
  type TerrariumError,
  terrariumError,
} from '../protocol/index.js';
import { groupsKept, lockedGroups, readGroupResources, writeGroupResources } from './groupStore.js';
import type { Machine } from './machine.js';
import { liveRun } from './stop.js';

/** Containers that have limits together. */
export interface ContainerGroup {
  /** `allContainers` for Terrarium as a whole. */
  name: string;
  /** For people. */
  title: string;
  /** Its cgroup, while there is one: as long as a container is in it. */
  record?: CgroupRecord;
  /** What it has whenever it is made. */
  resources: oci.Resources;
  /** Ids of all containers that were made in it, and of those that run. */
  containers: string[];
  running: string[];
}

/** @throws NotFound for a name that no container was made with and that no limits are kept for, Invalid for no name at all */
export async function findGroup(machine: Machine, name: string): Promise<ContainerGroup> {
  const [records, access] = await Promise.all([machine.store.list(), machine.cgroups()]);
  const resources = readGroupResources(machine.locations, name);
  const members = records.filter(({ specification }) => name === allContainers || specification.group === name);
  if (
    members.length === 0 &&
    resources === undefined &&
    name !== allContainers &&
    !(await isPod(machine.locations, name))
  ) {
    throw terrariumError(ErrorCode.NotFound, `There is no group "${name}"`, {
      fix: 'See which there are, or start a container in it.',
      command: 'terrarium groups',
    });
  }
  const record = limitableRecord(access, name);
  return {
    name,
    title: name === allContainers ? 'All containers' : name,
    ...(record !== undefined && groupIdentity(record) !== undefined ? { record } : {}),
    resources: resources ?? {},
    containers: members.map(({ id }) => id),
    running: members.filter((member) => liveRun(machine, member) !== undefined).map(({ id }) => id),
  };
}

/**
 * Keeps what a group is to have whenever it is made; writes nothing to the kernel. The caller holds `lockedGroups`.
 * @throws Unavailable for limits that nothing here can hold for a group, Invalid for nonsense
 */
export async function setGroupResources(machine: Machine, name: string, resources: oci.Resources): Promise<void> {
  groupWrites(await machine.cgroups(), name, resources);
  await writeGroupResources(machine.locations, name, resources);
}

/** All groups that have containers or limits of their own, by name. */
export async function listGroups(machine: Machine): Promise<GroupSummary[]> {
  const [records, kept, pods, access] = await Promise.all([
    machine.store.list(),
    groupsKept(machine.locations),
    podNames(machine.locations),
    machine.cgroups(),
  ]);
  const members = new Map<string, string[]>([...kept, ...pods].map((name) => [name, []]));
  for (const { id, specification } of records) {
    if (specification.group !== undefined) {
      members.set(specification.group, [...(members.get(specification.group) ?? []), id]);
    }
  }
  return [...members]
    .map(([name, containers]) => {
      const record = groupRecord(access, name);
      return { name, containers, live: record !== undefined && groupIdentity(record) !== undefined };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Groups that this helper has seen ready, by their folders. */
const ready = new Map<string, string>();

/** Others may remove a group between its making and that of one in it. */
const attempts = 10;

/**
 * Sees to it that the groups that a container is to be in are there, with their limits. When they are, that is one look
 * at each folder. A moment later they may be gone again, since who leaves last removes them.
 * @throws Unavailable, StepFailed when a group cannot have the limits kept for it: then it is not made
 */
export async function readyGroups(machine: Machine, access: CgroupAccess, group: string | undefined): Promise<void> {
  const innermost = groupRecord(access, group ?? allContainers);
  if (innermost === undefined) {
    // As a container that has limits of its own, one whose group has some does not start where nothing can hold them.
    for (const name of levelsOf(group)) groupWrites(access, name, readGroupResources(machine.locations, name));
    return;
  }
  const key = Object.values(innermost.paths).join();
  if (isReady(key, innermost)) return;
  await lockedGroups(machine.locations, async () => {
    for (let attempt = 1; attempt <= attempts && !isReady(key, innermost); attempt++) {
      try {
        makeLevels(machine, access, group);
        const identity = groupIdentity(innermost);
        if (identity !== undefined) ready.set(key, identity);
      } catch (error) {
        if (!wasRemoved(error)) throw error;
        if (attempt === attempts) throw explained(error, group ?? allContainers);
      }
    }
  });
}

function isReady(key: string, record: CgroupRecord): boolean {
  const identity = groupIdentity(record);
  return identity !== undefined && ready.get(key) === identity;
}

/** Outermost first. */
function levelsOf(group: string | undefined): string[] {
  return group === undefined ? [allContainers] : [allContainers, group];
}

function makeLevels(machine: Machine, access: CgroupAccess, group: string | undefined): void {
  for (const name of levelsOf(group)) {
    const record = groupRecord(access, name);
    if (record === undefined) return;
    const writes = groupWrites(access, name, readGroupResources(machine.locations, name));
    try {
      makeGroup(record, access, writes);
    } catch (error) {
      throw wasRemoved(error) ? error : explained(error, name);
    }
  }
}

/** Where a group's limits can be kept: with v1, blkio throttles no group for those below it. */
function limitableRecord(access: CgroupAccess, name: string): CgroupRecord | undefined {
  const record = groupRecord(access, name);
  if (record?.version !== 1) return record;
  const { blkio: _, ...paths } = record.paths;
  return { ...record, paths };
}

function groupWrites(access: CgroupAccess, name: string, resources: oci.Resources | undefined): ControlWrite[] {
  let writes: ControlWrite[];
  try {
    writes = limitWrites(access, resources);
  } catch (error) {
    const { code, message, data } = error as TerrariumError;
    if (code !== ErrorCode.Unavailable) throw error;
    throw terrariumError(code, `The limits of ${nameOf(name)} cannot be kept: ${message}`, {
      ...data,
      command: commandFor(name),
    });
  }
  const disks = writes.filter(({ controller }) => access.mode === 'v1' && controller === 'blkio');
  if (disks.length === 0) return writes;
  throw terrariumError(ErrorCode.Unavailable, `${nameOf(name)} cannot have limits of disks on this machine`, {
    // Source: cgroup-v1/blkio-controller.rst, "Hierarchical Cgroups".
    cause: 'cgroup v1 throttles the processes of one group, not those of the groups below it.',
    fix: 'Limit each of its containers.',
    command: commandFor(name),
  });
}

function explained(error: unknown, name: string): unknown {
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  return terrariumError(ErrorCode.StepFailed, `The cgroup of ${nameOf(name)} could not be made as it is to be`, {
    errno: code,
    ...(syscall === undefined ? {} : { syscall }),
    ...(path === undefined ? {} : { path }),
    cause: 'The kernel refused one of the limits that are kept for it, or the cgroup above was changed by others.',
    fix: 'Look at its limits, and set those to max that no longer fit this machine.',
    command: commandFor(name),
  });
}

function nameOf(name: string): string {
  return name === allContainers ? 'all containers together' : `the group ${name}`;
}

function commandFor(name: string): string {
  return `terrarium limits --group ${name}`;
}

import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { flock } from '../../native/bindings/flock.js';
import { type CgroupAccess, words } from '../cgroup/access.js';
import { readCgroupFile } from '../cgroup/file.js';
import { groupIdentity } from '../cgroup/groups.js';
import { groupRecord, ownerOf } from '../cgroup/layout.js';
import { cgroupMounts, findCgroup } from '../cgroup/mounts.js';
import type { CgroupRecord } from '../cgroup/record.js';
import { lockedGroups } from '../container/groupStore.js';
import { findGroup, setGroupResources } from '../container/groups.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { type LiveRun, liveRun } from '../container/stop.js';
import { bootId } from '../inspect/boot.js';
import { allContainers, ErrorCode, type LimitTarget, type oci, terrariumError } from '../protocol/index.js';
import { journalFolder } from './journal.js';

/** What a target is now: whose limits they are, where the kernel holds them, and what holds for the next start. */
export interface LimitSubject {
  /** In one form: a container by its id, and a container's own cgroup as that container. */
  target: LimitTarget;
  /** Name of the file that keeps its edits. */
  key: string;
  title: string;
  /** Undefined when it does not run, or runs without one. */
  record: CgroupRecord | undefined;
  access: CgroupAccess;
  running: boolean;
  /** Tells these processes, or this cgroup, from those of a later start. */
  life: string | undefined;
  /** What the next start has. Undefined for cgroups that others made: nobody knows of a next start. */
  configured: ConfiguredLimits | undefined;
  /** When it is one. */
  container: ContainerRecord | undefined;
  /** Its name, when it is one. */
  group: string | undefined;
  /** Of a container that runs. */
  run: LiveRun | undefined;
}

/** Limits as they are kept for the next start. */
export interface ConfiguredLimits {
  resources?: oci.Resources | undefined;
  rlimits?: oci.Rlimit[] | undefined;
}

/**
 * Runs `work` while nobody else changes the limits of this target, and no container of that id is started or removed.
 * @throws NotFound, Invalid for paths that are no cgroup's
 */
export async function withTarget<T>(
  machine: Machine,
  target: LimitTarget,
  work: (subject: LimitSubject) => Promise<T>,
): Promise<T> {
  const found = await findSubject(machine, target);
  if ('container' in found.target) {
    return machine.store.locked(found.target.container, async (record) =>
      work(await containerSubject(machine, record)),
    );
  }
  if ('group' in found.target) {
    return lockedGroups(machine.locations, async () => work(await findSubject(machine, found.target)));
  }
  const fd = openSync(journalFolder(machine.locations), 'r');
  try {
    await flock(fd, 'exclusive');
    return await work(await findSubject(machine, found.target));
  } finally {
    closeSync(fd);
  }
}

/** Keeps limits for the next start. The caller holds the target's lock. */
export async function saveConfigured(
  machine: Machine,
  { container, group }: LimitSubject,
  { resources, rlimits }: ConfiguredLimits,
): Promise<void> {
  if (group !== undefined) await setGroupResources(machine, group, resources ?? {});
  if (container === undefined) return;
  const { resources: _, rlimits: __, ...specification } = container.specification;
  const { rlimits: ___, ...process } = container.config.process;
  const { resources: ____, ...linux } = container.config.linux;
  const [ofLinux, ofProcess] = [resources === undefined ? {} : { resources }, rlimits === undefined ? {} : { rlimits }];
  await machine.store.save({
    ...container,
    specification: { ...specification, ...ofLinux, ...ofProcess },
    config: { ...container.config, process: { ...process, ...ofProcess }, linux: { ...linux, ...ofLinux } },
  });
}

/** @throws NotFound, Invalid for paths that are no cgroup's */
export async function findSubject(machine: Machine, target: LimitTarget): Promise<LimitSubject> {
  if ('container' in target) return containerSubject(machine, await machine.store.find(target.container));
  if ('group' in target) return groupSubject(machine, target.group);
  return cgroupSubject(machine, target.cgroup);
}

export async function containerSubject(machine: Machine, container: ContainerRecord): Promise<LimitSubject> {
  const run = liveRun(machine, container);
  return {
    target: { container: container.id },
    key: container.id,
    title: container.name,
    record: run?.runtime.cgroup,
    access: await machine.cgroups(),
    running: run !== undefined,
    life: run && `${run.runtime.bootId} ${run.runtime.init.pid} ${run.runtime.init.startTime}`,
    configured: { resources: container.config.linux.resources, rlimits: container.config.process.rlimits },
    container,
    group: undefined,
    run,
  };
}

async function groupSubject(machine: Machine, name: string): Promise<LimitSubject> {
  const group = await findGroup(machine, name);
  const identity = group.record && groupIdentity(group.record);
  return {
    target: { group: name },
    key: name === allContainers ? 'all' : `group-${name}`,
    title: group.title,
    record: group.record,
    access: await machine.cgroups(),
    running: group.record !== undefined,
    life: identity && `${bootId()} ${identity}`,
    configured: { resources: group.resources },
    container: undefined,
    group: name,
    run: undefined,
  };
}

async function cgroupSubject(machine: Machine, folder: string): Promise<LimitSubject> {
  const mounts = cgroupMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  const mount = await findCgroup(folder, mounts);
  if (mount === undefined) throw noSuchCgroup(folder);
  const container = await containerIn(machine, folder);
  if (container !== undefined) return containerSubject(machine, container);
  const group = await groupAt(machine, folder);
  if (group !== undefined) return groupSubject(machine, group);
  const v2 = mount.version === 2;
  const controllers = v2 ? words(await readCgroupFile(path.join(folder, 'cgroup.controllers'))) : mount.controllers;
  const paths: Record<string, string> = v2
    ? { unified: folder }
    : Object.fromEntries(controllers.map((name) => [name, folder]));
  const inode = await stat(folder, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? noSuchCgroup(folder) : error;
  });
  return {
    target: { cgroup: folder },
    key: `cgroup-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`,
    title: `/${path.relative(mount.mountPoint, folder)}`,
    record: { version: mount.version, paths },
    access: v2
      ? { mode: 'v2', parent: path.dirname(folder), controllers }
      : { mode: 'v1', parents: Object.fromEntries(controllers.map((name) => [name, path.dirname(folder)])) },
    running: true,
    // kernfs gives each folder a number of its own, and the boot id tells starts of the machine apart.
    life: `${bootId()} ${inode.ino}`,
    configured: undefined,
    container: undefined,
    group: undefined,
    run: undefined,
  };
}

/** The running container whose own cgroup this is, in any hierarchy. */
async function containerIn(machine: Machine, folder: string): Promise<ContainerRecord | undefined> {
  const records = await machine.store.list();
  return records.find((record) =>
    Object.values(liveRun(machine, record)?.runtime.cgroup?.paths ?? {}).includes(folder),
  );
}

/** The group of ours whose cgroup this is, in any hierarchy. */
async function groupAt(machine: Machine, folder: string): Promise<string | undefined> {
  const name = ownerOf(folder)?.group;
  if (name === undefined || ownerOf(folder)?.container !== undefined) return undefined;
  // Another user's has the same name elsewhere.
  const ours = groupRecord(await machine.cgroups(), name);
  return ours !== undefined && Object.values(ours.paths).includes(folder) ? name : undefined;
}

function noSuchCgroup(folder: string): Error {
  return terrariumError(ErrorCode.NotFound, `There is no control group ${JSON.stringify(folder)}`, {
    path: folder,
    cause: 'It was removed, or never there: groups go when what they were made for has ended.',
    fix: 'Look at those that are there now.',
  });
}

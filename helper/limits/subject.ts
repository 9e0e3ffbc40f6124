import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { type CgroupAccess, words } from '../cgroup/access.js';
import { readCgroupFile } from '../cgroup/file.js';
import { cgroupMounts, findCgroup } from '../cgroup/mounts.js';
import type { CgroupRecord } from '../cgroup/record.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { type LiveRun, liveRun } from '../container/stop.js';
import { bootId } from '../inspect/boot.js';
import { ErrorCode, type LimitTarget, type oci, terrariumError } from '../protocol/index.js';

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
  /** Of a container that runs. */
  run: LiveRun | undefined;
}

/** Limits as they are kept for the next start. */
export interface ConfiguredLimits {
  resources?: oci.Resources | undefined;
  rlimits?: oci.Rlimit[] | undefined;
}

/** @throws NotFound, Invalid for paths that are no cgroup's */
export async function findSubject(machine: Machine, target: LimitTarget): Promise<LimitSubject> {
  if ('container' in target) return containerSubject(machine, await machine.store.find(target.container));
  if ('group' in target) {
    throw terrariumError(ErrorCode.NotFound, `There is no group ${JSON.stringify(target.group)}`);
  }
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
    run,
  };
}

async function cgroupSubject(machine: Machine, folder: string): Promise<LimitSubject> {
  const mounts = cgroupMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  const mount = await findCgroup(folder, mounts);
  if (mount === undefined) throw noSuchCgroup(folder);
  const container = await containerIn(machine, folder);
  if (container !== undefined) return containerSubject(machine, container);
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

function noSuchCgroup(folder: string): Error {
  return terrariumError(ErrorCode.NotFound, `There is no control group ${JSON.stringify(folder)}`, {
    path: folder,
    cause: 'It was removed, or never there: groups go when what they were made for has ended.',
    fix: 'Look at those that are there now.',
  });
}

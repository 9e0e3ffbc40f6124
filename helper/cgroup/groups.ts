import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import * as path from 'node:path';
import type { CgroupAccess } from './access.js';
import type { ControlWrite } from './controlFiles.js';
import { enable } from './delegation.js';
import { readCgroupFile, writeCgroupFile } from './file.js';
import { foldersOf } from './layout.js';
import { type CgroupRecord, controllerFile, controllerFolder } from './record.js';
import { foldersIn } from './tree.js';

/** What tells a group's cgroups from later ones at the same paths; undefined when one is not there. */
export function groupIdentity(record: CgroupRecord): string | undefined {
  const inodes: string[] = [];
  for (const folder of foldersOf(record)) {
    const found = statSync(folder, { throwIfNoEntry: false, bigint: true });
    if (found === undefined) return undefined;
    inodes.push(String(found.ino));
  }
  return inodes.join(' ');
}

/**
 * Makes the cgroups of one group, in a parent that is there, ready to have containers in it and with its limits. One that
 * nothing is in gets its limits again: whoever made it may have been killed before it had them. Not to be called by two at once.
 * @throws the system's errors; ENOENT when the parent was removed meanwhile. Nothing is left behind then
 */
export async function makeGroup(
  record: CgroupRecord,
  access: CgroupAccess,
  writes: readonly ControlWrite[],
): Promise<void> {
  const made: string[] = [];
  try {
    let isNew = true;
    for (const folder of foldersOf(record)) {
      if (makeFolder(folder)) made.push(folder);
      else if ((await foldersIn(folder)).length > 0) isNew = false;
    }
    if (record.version === 2) await enable(controllerFolder(record, 'unified') ?? '', controllersOf(access));
    else await fillCpuset(record);
    if (isNew) {
      for (const { controller, file, data } of writes) {
        const target = controllerFile(record, controller, file);
        if (target !== undefined) await writeCgroupFile(target, data);
      }
    }
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
}

function controllersOf(access: CgroupAccess): string[] {
  return access.mode === 'v2' ? access.controllers : [];
}

/** False when it is there already. */
function makeFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o755 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/**
 * Nothing can join a group of v1's cpuset that has no CPUs or memory nodes. With clone_children those made below begin
 * with what this one has. Source: cgroup-v1/cpusets.rst, cgroup-v1/cgroups.rst.
 */
async function fillCpuset(record: CgroupRecord): Promise<void> {
  const folder = record.paths.cpuset;
  if (folder === undefined) return;
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const own = path.join(folder, file);
    if (await readCgroupFile(own)) continue;
    await writeCgroupFile(own, (await readCgroupFile(path.join(path.dirname(folder), file))) ?? '');
  }
  await writeCgroupFile(path.join(folder, 'cgroup.clone_children'), '1');
}

/** Removes those, in this order, that nothing is in. That somebody is in one, or was quicker, is as it should be. */
export function removeEmpty(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EBUSY' && code !== 'ENOTEMPTY' && code !== 'ENOENT') throw error;
    }
  }
}

import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import * as path from 'node:path';
import type { CgroupAccess } from './access.js';
import type { ControlWrite } from './controlFiles.js';
import { foldersOf } from './layout.js';
import { type CgroupRecord, controllerFile } from './record.js';

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
 * nothing is in gets its limits again: whoever made it may have been killed before it had them. Not to be called by two at
 * once. All at once, since a start waits for it: files of cgroupfs never wait for a disk, and a way to a thread and back
 * takes longer than writing one.
 * @throws the system's errors, of which `wasRemoved` tells what they mean. Nothing is left behind then
 */
export function makeGroup(record: CgroupRecord, access: CgroupAccess, writes: readonly ControlWrite[]): void {
  const made: string[] = [];
  try {
    let isNew = true;
    for (const folder of foldersOf(record)) {
      if (makeFolder(folder)) made.push(folder);
      else if (hasGroups(folder)) isNew = false;
    }
    const { unified, cpuset } = record.paths;
    if (access.mode === 'v2' && unified !== undefined) handDown(unified, access.controllers);
    if (cpuset !== undefined) fillCpuset(cpuset);
    if (!isNew) return;
    for (const { controller, file, data } of writes) {
      const target = controllerFile(record, controller, file);
      if (target !== undefined) write(target, data);
    }
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
}

/**
 * Whether an error of making a group means that it, or the one above, was removed meanwhile, as who leaves last does: then it
 * is to be made again. A folder is missing, or a file that is open already leads nowhere. ENOENT of a write is something
 * else: a controller that is not there.
 */
export function wasRemoved(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === 'ENODEV' || (code === 'ENOENT' && syscall !== 'write');
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

function hasGroups(folder: string): boolean {
  return readdirSync(folder, { withFileTypes: true }).some((entry) => entry.isDirectory());
}

/**
 * In one write(2), since the group has what the one above hands down; when an administrator took some of it back meanwhile,
 * one refusal undoes all, so each by itself. Source: cgroup-v2.rst, "Enabling and Disabling".
 */
function handDown(folder: string, controllers: readonly string[]): void {
  if (controllers.length === 0) return;
  const file = path.join(folder, 'cgroup.subtree_control');
  const enable = (names: readonly string[]): boolean => {
    try {
      write(file, names.map((name) => `+${name}`).join(' '));
      return true;
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      if (syscall !== 'write' || (code !== 'ENOENT' && code !== 'EINVAL')) throw error;
      return false;
    }
  };
  // A limit of one that is not there is refused where it is asked for.
  if (!enable(controllers)) for (const name of controllers) enable([name]);
}

/**
 * Nothing can join a group of v1's cpuset that has no CPUs or memory nodes. With clone_children those made below begin
 * with what this one has. Source: cgroup-v1/cpusets.rst, cgroup-v1/cgroups.rst.
 */
function fillCpuset(folder: string): void {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const own = path.join(folder, name);
    if (readFileSync(own, 'utf8').trim() === '') write(own, readFileSync(path.join(folder, '..', name), 'utf8').trim());
  }
  write(path.join(folder, 'cgroup.clone_children'), '1');
}

/** In one write(2), never creating. */
function write(file: string, data: string): void {
  const fd = openSync(file, constants.O_WRONLY);
  try {
    writeSync(fd, data);
  } catch (error) {
    throw Object.assign(error as Error, { path: file });
  } finally {
    closeSync(fd);
  }
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

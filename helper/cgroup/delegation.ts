import { mkdir } from 'node:fs/promises';
import * as path from 'node:path';
import { type CgroupAccess, words, zygoteLeaf } from './access.js';
import { readCgroupFile, writeCgroupFile } from './file.js';
import { neededControllers, v2Occupied } from './remedy.js';

/** Rounds of moving and enabling: another helper's monitors may appear between the two. */
const rounds = 5;

/**
 * Makes a delegated v2 group fit for containers: moves the zygote and its monitors into a leaf and hands the controllers to
 * the children. Idempotent; two helpers may do it at once. Answers with the controllers children really have.
 * In a group that is not a unit of ours, other processes are left alone, and a notice says what that costs.
 * Throws Node's errors for what is neither of the two.
 */
export async function prepareDelegation(access: CgroupAccess, zygotePid: number): Promise<CgroupAccess> {
  if (access.mode !== 'v2') return access;
  const { parent } = access;
  for (let round = 1; ; round++) {
    const present = words((await readCgroupFile(path.join(parent, 'cgroup.procs')))?.replaceAll('\n', ' '));
    const movable = isOwnUnit(parent) || present.every((pid) => pid === String(zygotePid));
    if (movable) await moveToLeaf(parent, present);
    const occupied = !movable || !(await enable(parent, access.controllers));
    if (occupied && movable && round < rounds) continue;
    const enabled = words(await readCgroupFile(path.join(parent, 'cgroup.subtree_control')));
    const lacking = neededControllers.some((name) => !enabled.includes(name));
    return occupied && lacking
      ? { ...access, controllers: enabled, notice: v2Occupied(parent) }
      : { ...access, controllers: enabled };
  }
}

/** Everything in such a unit is the zygote or a fork of it. */
function isOwnUnit(folder: string): boolean {
  return /^terrarium.*\.service$/.test(path.basename(folder));
}

async function moveToLeaf(parent: string, pids: readonly string[]): Promise<void> {
  if (pids.length === 0) return;
  const leaf = path.join(parent, zygoteLeaf);
  await mkdir(leaf, { recursive: true });
  for (const pid of pids) {
    try {
      await writeCgroupFile(path.join(leaf, 'cgroup.procs'), pid);
    } catch (error) {
      // It ended meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** These may be enabled while processes are in the group, which then takes no domain controller and no usable child. */
const threaded = ['cpu', 'cpuset', 'perf_event', 'pids'];

/** Enables each controller by itself, since one refusal would undo all. False when processes are in the way (EBUSY). */
async function enable(parent: string, controllers: readonly string[]): Promise<boolean> {
  const rank = (name: string): number => (threaded.includes(name) ? 1 : 0);
  // Domain controllers first: with them the kernel itself tells of processes in the way.
  for (const controller of [...controllers].sort((a, b) => rank(a) - rank(b))) {
    try {
      await writeCgroupFile(path.join(parent, 'cgroup.subtree_control'), `+${controller}`);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EBUSY') return false;
      // Gone from cgroup.controllers meanwhile, or not for children here: what is read back decides.
      if (code !== 'ENOENT' && code !== 'EINVAL') throw error;
    }
  }
  return true;
}

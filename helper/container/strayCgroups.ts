import { promises as fs } from 'node:fs';
import * as path from 'node:path';
import type { CgroupAccess } from '../cgroup/access.js';
import { readCgroupFile } from '../cgroup/file.js';
import { removeEmpty } from '../cgroup/groups.js';
import { foldersOf, groupRecord, ownerOf } from '../cgroup/layout.js';
import { foldersIn, treeOf } from '../cgroup/tree.js';
import { allContainers } from '../protocol/index.js';
import { lockedGroups } from './groupStore.js';
import type { Machine } from './machine.js';

/** A younger one may be that of a container which somebody with other folders is just starting. */
const youngMilliseconds = 60_000;

/**
 * Removes cgroups of ours that no record tells of any more: those of containers whose folder is gone, and groups, as far
 * as nothing is in them. What has processes is left alone.
 */
export async function removeStrayCgroups(
  { store, locations }: Pick<Machine, 'store' | 'locations'>,
  access: CgroupAccess,
): Promise<void> {
  const record = groupRecord(access, allContainers);
  if (record === undefined) return;
  const known = new Set(await store.ids());
  // Whoever makes a group has the lock until it is whole.
  await lockedGroups(locations, async () => {
    for (const top of foldersOf(record)) await removeStraysIn(top, known);
  });
}

async function removeStraysIn(group: string, known: ReadonlySet<string>): Promise<void> {
  for (const folder of await foldersIn(group)) {
    const owner = ownerOf(folder);
    if (owner?.container !== undefined) {
      if (!known.has(owner.container) && (await isOld(folder))) await removeUnpopulated(folder);
    } else if (owner?.group !== undefined) await removeStraysIn(folder, known);
  }
  removeEmpty([group]);
}

/** A folder of cgroupfs has no time of birth, but it is changed when one is made or removed in it. */
async function isOld(folder: string): Promise<boolean> {
  try {
    return Date.now() - (await fs.stat(folder)).mtimeMs > youngMilliseconds;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** With those that the container has made in it, innermost first. */
async function removeUnpopulated(folder: string): Promise<void> {
  const tree = await treeOf(folder);
  const members = await Promise.all(tree.map((group) => readCgroupFile(path.join(group, 'cgroup.procs'))));
  if (members.every((pids) => pids === undefined || pids === '')) removeEmpty(tree);
}

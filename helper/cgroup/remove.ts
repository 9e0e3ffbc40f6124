import { promises as fs } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { removeEmpty } from './groups.js';
import { killAll } from './kill.js';
import { foldersOf, groupsAbove } from './layout.js';
import type { CgroupRecord } from './record.js';
import { treeOf } from './tree.js';

/** A cgroup is busy for a moment after the last process in it was killed. */
const attempts = 50;
const pauseMs = 20;

/**
 * Ends what is in a container's cgroups and removes them, and the groups above that nothing is left in: what its monitor
 * does, unless it was killed itself. Missing ones are fine.
 * @throws WrongState when processes do not end; the system's error (EBUSY) when a cgroup stays busy
 */
export async function removeCgroups(record: CgroupRecord): Promise<void> {
  await killAll(record);
  for (const folder of foldersOf(record)) {
    for (const group of await treeOf(folder)) await removeOne(group);
  }
  removeEmpty(foldersOf(record).flatMap(groupsAbove));
}

async function removeOne(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await fs.rmdir(folder);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt === attempts) throw error;
      await delay(pauseMs);
    }
  }
}

import { randomBytes } from 'node:crypto';
import { mkdir, rmdir } from 'node:fs/promises';
import * as path from 'node:path';
import type { CgroupAccess } from '../cgroup/access.js';
import { readCgroupFile, writeCgroupFile } from '../cgroup/file.js';

/** A controller that was tried. */
export interface ControllerTrial {
  controller: 'memory' | 'pids' | 'cpu' | 'freezer';
  file: string;
  /** What went wrong; undefined: a value was written and read back. */
  errno?: string;
}

type Usable = Exclude<CgroupAccess, { mode: 'none' }>;

/** Written and read back: no values that limit anything, for nothing is in the group. */
const trials: readonly { controller: ControllerTrial['controller']; v2: [string, string]; v1: [string, string] }[] = [
  { controller: 'memory', v2: ['memory.max', '1073741824'], v1: ['memory.limit_in_bytes', '1073741824'] },
  { controller: 'pids', v2: ['pids.max', '100'], v1: ['pids.max', '100'] },
  { controller: 'cpu', v2: ['cpu.max', '50000 100000'], v1: ['cpu.cfs_quota_us', '50000'] },
  { controller: 'freezer', v2: ['cgroup.freeze', '1'], v1: ['freezer.state', 'FROZEN'] },
];

/** Makes a scratch group in each place, writes a value of each controller, reads it back and removes the group. */
export async function tryControllers(access: Usable): Promise<ControllerTrial[]> {
  const name = `terrarium-doctor-${randomBytes(4).toString('hex')}`;
  const results: ControllerTrial[] = [];
  for (const { controller, v2, v1 } of trials) {
    const parent = access.mode === 'v2' ? access.parent : access.parents[controller];
    const [file, data] = access.mode === 'v2' ? v2 : v1;
    const errno = parent === undefined ? 'ENOENT' : await tryFile(path.join(parent, name), file, data);
    results.push({ controller, file, ...(errno === undefined ? {} : { errno }) });
  }
  return results;
}

async function tryFile(group: string, file: string, data: string): Promise<string | undefined> {
  try {
    await mkdir(group);
    try {
      await writeCgroupFile(path.join(group, file), data);
      return (await readCgroupFile(path.join(group, file))) === data ? undefined : 'EINVAL';
    } finally {
      await rmdir(group);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return code;
  }
}

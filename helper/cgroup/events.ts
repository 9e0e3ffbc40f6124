import { watch } from 'node:fs';
import { parseKeyed, readCgroupFile } from './file.js';
import { type CgroupRecord, controllerFile } from './record.js';

export interface EventWatch {
  close(): void;
}

/**
 * Calls `onOom` with the number of OOM kills so far whenever the kernel kills a process of the container for memory.
 * Only cgroup v2 tells of it by inotify: undefined for v1 and without the memory controller. There the statistics' `oomKills`
 * and, at the end, the monitor's exit record tell.
 * Throws Node's errors of fs.watch: ENOENT when the cgroup is gone, ENOSPC when this user has too many watches.
 */
export async function watchEvents(
  record: CgroupRecord | undefined,
  onOom: (kills: number) => void,
  onError: (error: unknown) => void,
): Promise<EventWatch | undefined> {
  const file = record?.version === 2 ? controllerFile(record, 'memory', 'memory.events') : undefined;
  if (file === undefined) return undefined;
  let known = 0;
  const look = async (report: boolean): Promise<void> => {
    const kills = parseKeyed(await readCgroupFile(file)).get('oom_kill') ?? 0;
    if (kills <= known) return;
    known = kills;
    if (report) onOom(kills);
  };
  const watcher = watch(file, { persistent: false }, () => void look(true).catch(onError));
  watcher.on('error', onError);
  // After the watch began, so that no kill falls between the two.
  await look(false);
  return watcher;
}

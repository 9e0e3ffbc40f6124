import { watch } from 'node:fs';
import type { CountedKnob } from '../protocol/index.js';
import { parseKeyed, readCgroupFile } from './file.js';
import { type CgroupRecord, controllerFile } from './record.js';

export interface EventWatch {
  close(): void;
}

/** The limits whose bite the kernel counts, and where: cgroup-v2.rst, "memory.events" and "pids.events". */
const counters = {
  'memory.max': { controller: 'memory', file: 'memory.events', key: 'oom_kill' },
  'pids.max': { controller: 'pids', file: 'pids.events', key: 'max' },
} as const satisfies Record<CountedKnob, { controller: string; file: string; key: string }>;

/** A limit of which the kernel tells when it bites. */
export type CountedLimit = keyof typeof counters;
export const countedLimits: readonly CountedLimit[] = ['memory.max', 'pids.max'];

/** `birth`: what has bitten already counts too. */
export type Since = 'birth' | 'now';

/**
 * Calls `onBite` with how often a limit has bitten so far whenever it does: a process killed for memory, a fork refused.
 * Only cgroup v2 tells of it by inotify: undefined for v1 and without the controller. There the statistics' `oomKills`
 * and, at the end, the monitor's exit record tell.
 * Throws Node's errors of fs.watch: ENOENT when the cgroup is gone, ENOSPC when this user has too many watches.
 */
export async function watchLimit(
  record: CgroupRecord | undefined,
  limit: CountedLimit,
  since: Since,
  onBite: (count: number) => void,
  onError: (error: unknown) => void,
): Promise<EventWatch | undefined> {
  const { controller, file: name, key } = counters[limit];
  const file = record?.version === 2 ? controllerFile(record, controller, name) : undefined;
  if (file === undefined) return undefined;
  let known = 0;
  const look = async (report: boolean): Promise<void> => {
    const count = parseKeyed(await readCgroupFile(file)).get(key) ?? 0;
    if (count <= known) return;
    known = count;
    if (report) onBite(count);
  };
  const watcher = watch(file, { persistent: false }, () => void look(true).catch(onError));
  watcher.on('error', onError);
  // After the watch began, so that nothing falls between the two.
  await look(since === 'birth');
  return watcher;
}

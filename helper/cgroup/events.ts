import { watch } from 'node:fs';
import * as path from 'node:path';
import type { CountedKnob } from '../protocol/index.js';
import { CounterFile } from './counterFile.js';
import { parseKeyed } from './file.js';
import { type CgroupRecord, controllerFile } from './record.js';

export interface EventWatch {
  close(): void;
}

/** A limit of which the kernel tells when it bites. */
export type CountedLimit = CountedKnob;
export const countedLimits: readonly CountedLimit[] = ['memory.max', 'pids.max'];

/** `birth`: what has bitten already counts too. */
export type Since = 'birth' | 'now';

/** What a run of a container is counted by. */
export interface EventSource {
  record: CgroupRecord | undefined;
  /** The folder of the run, where the monitor keeps the memory.events that v1 does not have (docs/stage.md). */
  run: string;
}

/** Milliseconds between looks at what the kernel counts but does not tell of. */
const lookInterval = 1000;

interface Counter {
  file: string;
  /** The line that counts. */
  key: string;
  /** Whether inotify tells of changes. */
  tells: boolean;
}

/**
 * cgroup-v2.rst, "memory.events" and "pids.events". v1 has the latter too, but since Linux 6.11 writes to its counter are
 * told to another file, which v1 does not show (pids_files_legacy in kernel/cgroup/pids.c): so it is looked at.
 */
function counterOf({ record, run }: EventSource, limit: CountedLimit): Counter | undefined {
  if (record === undefined) return undefined;
  const v1 = record.version === 1;
  const controller = limit === 'memory.max' ? 'memory' : 'pids';
  const counted = controllerFile(record, controller, `${controller}.events`);
  if (counted === undefined) return undefined;
  if (limit === 'pids.max') return { file: counted, key: 'max', tells: !v1 };
  return { file: v1 ? path.join(run, 'memory.events') : counted, key: 'oom_kill', tells: true };
}

/**
 * Calls `onBite` with how often a limit has bitten so far whenever it does: a process killed for memory, a fork refused.
 * Undefined without the controller. Throws Node's errors of fs.watch: ENOENT when the cgroup is gone or nothing tells of it,
 * ENOSPC when this user has too many watches.
 */
export function watchLimit(
  source: EventSource,
  limit: CountedLimit,
  since: Since,
  onBite: (count: number) => void,
  onError: (error: unknown) => void,
): EventWatch | undefined {
  const counter = counterOf(source, limit);
  if (counter === undefined) return undefined;
  const file = new CounterFile(counter.file);
  let known = 0;
  const look = (report: boolean): void => {
    try {
      const count = parseKeyed(file.read()).get(counter.key) ?? 0;
      if (count <= known) return;
      known = count;
      if (report) onBite(count);
    } catch (error) {
      onError(error);
    }
  };
  let stop: () => void;
  if (counter.tells) {
    const watcher = watch(counter.file, { persistent: false }, () => look(true));
    watcher.on('error', onError);
    stop = () => watcher.close();
  } else {
    const timer = setInterval(() => look(true), lookInterval).unref();
    stop = () => clearInterval(timer);
  }
  // After the watch began, so that nothing falls between the two.
  look(since === 'birth');
  return {
    close: () => {
      stop();
      file.close();
    },
  };
}

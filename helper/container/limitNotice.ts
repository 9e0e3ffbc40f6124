import { setTimeout as delay } from 'node:timers/promises';
import type { CountedLimit } from '../cgroup/events.js';
import { LimitWatch, type LiveRun } from '../cgroup/limitWatch.js';
import { limitNumber, readHeldLimit } from '../cgroup/reading.js';
import { controllerFolder } from '../cgroup/record.js';
import type { ContainerSummary, LimitNumber } from '../protocol/index.js';
import type { Machine } from './machine.js';
import { readLatestRun, summarize } from './runs.js';

export interface LimitNotice {
  summary: ContainerSummary;
  limit: CountedLimit;
  value: LimitNumber;
  count: number;
  message: string;
}

/** Milliseconds in which a container whose own init was killed has ended: that is told as its end. */
const endFollows = 100;

/** Tells when limits of running containers bite. The caller says which run, by `follow`. */
export function watchLimitNotices(machine: Machine, onNotice: (notice: LimitNotice) => void): LimitWatch {
  const cgroupOf = (id: string) => readLatestRun(machine.store, id)?.runtime?.cgroup;
  const tell = async (id: string, limit: CountedLimit, count: number): Promise<void> => {
    const record = cgroupOf(id);
    const folder = record && controllerFolder(record, limit === 'memory.max' ? 'memory' : 'pids');
    const held = folder === undefined ? undefined : await readHeldLimit(2, limit, folder);
    await delay(endFollows);
    const summary = await summarize(machine.store, await machine.store.find(id));
    if (held === undefined || (summary.state !== 'running' && summary.state !== 'paused')) return;
    const value = limitNumber(held.value);
    onNotice({ summary, limit, value, count, message: limitMessage(summary.name, limit, value) });
  };
  return new LimitWatch({
    find: cgroupOf,
    onReached: (id, limit, count) => {
      tell(id, limit, count).catch((error: unknown) => machine.log(`limit of ${id}: ${String(error)}`));
    },
    onError: (error) => machine.log(`limits are not watched: ${String(error)}`),
  });
}

/** The containers that run, with what tells this run from others. Pure. */
export function liveRuns(containers: readonly ContainerSummary[]): LiveRun[] {
  return containers.flatMap(({ id, state, init, startedAt }) =>
    (state === 'running' || state === 'paused') && init
      ? [{ container: id, run: `${init.pid} ${init.startTime}`, startedAt: Date.parse(startedAt ?? '') || 0 }]
      : [],
  );
}

/** One sentence. The limit of an enclosing group may be what was reached: then the own one is `max`. Pure. */
export function limitMessage(name: string, limit: CountedLimit, value: LimitNumber): string {
  if (limit === 'pids.max') {
    return value === 'max'
      ? `${name} could not start a process: an enclosing group allows no more`
      : `${name} could not start a process: its ${value} are all there`;
  }
  return value === 'max'
    ? `A process in ${name} was killed: out of memory of this machine or of an enclosing group`
    : `A process in ${name} was killed: out of memory at ${binaryBytes(value)}`;
}

/** Bytes to read, in MiB or GiB. Pure. */
export function binaryBytes(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  return mebibytes >= 1024 ? `${Number((mebibytes / 1024).toFixed(2))} GiB` : `${Number(mebibytes.toFixed(1))} MiB`;
}

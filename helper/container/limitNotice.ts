import { setTimeout as delay } from 'node:timers/promises';
import type { CountedLimit, EventSource } from '../cgroup/events.js';
import { ownerOf } from '../cgroup/layout.js';
import { readHolders, tightestOf } from '../cgroup/limitHolders.js';
import { type Bite, LimitWatch, type LiveRun } from '../cgroup/limitWatch.js';
import { controllerFolder } from '../cgroup/record.js';
import { isEnding } from '../inspect/stat.js';
import {
  allContainers,
  type ContainerSummary,
  type LimitNumber,
  type LimitTarget,
  limitBytes,
} from '../protocol/index.js';
import type { Machine } from './machine.js';
import { readLatestRun, summarize } from './runs.js';

export interface LimitNotice {
  summary: ContainerSummary;
  limit: CountedLimit;
  value: LimitNumber;
  of?: LimitTarget;
  count: number;
  message: string;
}

/** Milliseconds between the kernel's counting of a kill and its signal, and to the end of an init whose command was killed. */
const endFollows = 50;

/** Tells when limits of running containers bite. The caller says which run, by `follow`. */
export function watchLimitNotices(machine: Machine, onNotice: (notice: LimitNotice) => void): LimitWatch {
  const find = (id: string): EventSource | undefined => {
    const run = readLatestRun(machine.store, id);
    return run === undefined ? undefined : { record: run.runtime?.cgroup, run: run.folder };
  };
  const tell = async (id: string, { limit, count, holder }: Bite): Promise<void> => {
    await delay(endFollows);
    const record = find(id)?.record;
    const own = record && controllerFolder(record, limit === 'memory.max' ? 'memory' : 'pids');
    const summary = await summarize(machine.store, await machine.store.find(id));
    // Who was killed may be its init, which then takes a while to give its memory back: that is told as its end.
    if (summary.init === undefined || isEnding(summary.init)) return;
    const of = holder === undefined || holder.folder === own ? undefined : targetOf(holder.folder);
    const value = holder?.value ?? 'max';
    const message = limitMessage(summary.name, limit, value, of);
    onNotice({ summary, limit, value, ...(of === undefined ? {} : { of }), count, message });
  };
  return new LimitWatch({
    find,
    onReached: (id, bite) => {
      tell(id, bite).catch((error: unknown) => machine.log(`limit of ${id}: ${String(error)}`));
    },
    onError: (error) => machine.log(`limits are not watched: ${String(error)}`),
  });
}

/**
 * The limit that a container which was killed for memory must have met, in bytes: the tighter of its own and of those of the
 * groups above, which are still there when its own has gone.
 */
export async function memoryLimitMet(
  machine: Machine,
  id: string,
): Promise<{ value: number; of?: LimitTarget } | undefined> {
  const { resources } = (await machine.store.find(id)).config.linux;
  const own = resources?.memory?.limit;
  const record = readLatestRun(machine.store, id)?.runtime?.cgroup;
  const folder = record && controllerFolder(record, 'memory');
  const above =
    record === undefined ? [] : readHolders(record, 'memory.max').filter((holder) => holder.folder !== folder);
  const holder = tightestOf(above);
  if (holder === undefined || holder.value === 'max' || (own !== undefined && own > 0 && own <= holder.value)) {
    return own === undefined || own <= 0 ? undefined : { value: own };
  }
  return { value: holder.value, of: targetOf(holder.folder) };
}

function targetOf(folder: string): LimitTarget {
  const owner = ownerOf(folder);
  return owner?.group !== undefined && owner.container === undefined ? { group: owner.group } : { cgroup: folder };
}

/** The containers that run, with what tells this run from others. Pure. */
export function liveRuns(containers: readonly ContainerSummary[]): LiveRun[] {
  return containers.flatMap(({ id, state, init, startedAt }) =>
    (state === 'running' || state === 'paused') && init
      ? [{ container: id, run: `${init.pid} ${init.startTime}`, startedAt: Date.parse(startedAt ?? '') || 0 }]
      : [],
  );
}

/** One sentence. `of` says whose limit it was, when it was not the container's own. Pure. */
export function limitMessage(name: string, limit: CountedLimit, value: LimitNumber, of?: LimitTarget): string {
  if (limit === 'pids.max') {
    if (value === 'max') return `${name} could not start a process: an enclosing group allows no more`;
    if (of === undefined) return `${name} could not start a process: its ${value} are all there`;
    return `${name} could not start a process: the ${value} of ${ownerText(of)} are all there`;
  }
  return `A process in ${name} was killed: out of memory${memoryText(value === 'max' ? undefined : { value, of })}`;
}

/** How a sentence on a lack of memory ends. Pure. */
export function memoryText(limit: { value: number; of?: LimitTarget | undefined } | undefined): string {
  if (limit === undefined) return ' of this machine';
  return ` at ${limitBytes(limit.value)}${limit.of === undefined ? '' : `, the limit of ${ownerText(limit.of)}`}`;
}

function ownerText(target: LimitTarget): string {
  if ('container' in target) return target.container;
  if ('cgroup' in target) return `the control group ${target.cgroup}`;
  return target.group === allContainers ? 'all containers together' : `the group ${target.group}`;
}

import { type SampledTarget, StatisticsSampler } from '../cgroup/sampler.js';
import type { Machine } from '../container/machine.js';
import { readLatestRun } from '../container/runs.js';
import { isAlive } from '../inspect/stat.js';
import { findSubject, type LimitSubject } from '../limits/subject.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about statistics. Answers the sampler, to be stopped with the connection. */
export function routeStatistics(
  router: Router,
  machine: Machine,
  tell: { brief(stats: protocol.ContainerStats[]): void; detailed(details: protocol.DetailedStats[]): void },
): StatisticsSampler {
  const find = (id: string): SampledTarget | undefined => {
    const run = readLatestRun(machine.store, id);
    if (run?.runtime === undefined || run.exit !== undefined || !isAlive(run.runtime.init)) return undefined;
    return { cgroup: run.runtime.cgroup, init: run.runtime.init };
  };
  const resolve = async (target: protocol.LimitTarget): Promise<SampledTarget | undefined> => {
    const subject = await subjectUnlessRemoved(machine, target);
    if (subject === undefined || !subject.running) return undefined;
    return { cgroup: subject.record, ...(subject.run === undefined ? {} : { init: subject.run.runtime.init }) };
  };
  const sampler = new StatisticsSampler({
    find,
    resolve,
    onSampled: tell.brief,
    onDetailed: tell.detailed,
    onError: (error) => machine.log(`statistics: ${error instanceof Error ? error.message : String(error)}`),
  });
  router.on(protocol.WatchStats, ({ containers, details }) => {
    sampler.watch(containers, details);
    return null;
  });
  return sampler;
}

/** A container or cgroup that was removed is gone like one that has ended. */
async function subjectUnlessRemoved(machine: Machine, target: protocol.LimitTarget): Promise<LimitSubject | undefined> {
  try {
    return await findSubject(machine, target);
  } catch (error) {
    if ((error as { code?: unknown }).code === protocol.ErrorCode.NotFound) return undefined;
    throw error;
  }
}

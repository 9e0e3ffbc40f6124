import { StatisticsSampler } from '../cgroup/sampler.js';
import type { Machine } from '../container/machine.js';
import { readLatestRun } from '../container/runs.js';
import { processesOf } from '../container/stop.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about statistics. Answers the sampler, to be stopped with the connection. */
export function routeStatistics(
  router: Router,
  machine: Machine,
  onSampled: (stats: protocol.ContainerStats[]) => void,
): StatisticsSampler {
  const { store } = machine;
  const sampler = new StatisticsSampler({
    find: (id) => {
      const run = readLatestRun(store, id);
      if (run?.runtime === undefined) return undefined;
      const { runtime } = run;
      const pids = async () => (await processesOf({ ...run, runtime })).map(({ identity }) => identity.pid);
      return { container: id, record: runtime.cgroup, pids };
    },
    onSampled,
    onError: (error) => machine.log(`statistics: ${error instanceof Error ? error.message : String(error)}`),
  });
  router.on(protocol.WatchStats, ({ containers }) => {
    sampler.watch(containers);
    return null;
  });
  return sampler;
}

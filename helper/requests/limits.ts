import { readLimits } from '../cgroup/limits.js';
import { applyChanges } from '../cgroup/resources.js';
import { StatisticsSampler } from '../cgroup/sampler.js';
import { writeLimits } from '../cgroup/write.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { readLatestRun } from '../container/runs.js';
import { liveRun, processesOf } from '../container/stop.js';
import { announceChange } from '../container/watcher.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about limits and statistics. Answers the sampler, to be stopped with the connection. */
export function routeLimits(
  router: Router,
  machine: Machine,
  onSampled: (stats: protocol.ContainerStats[]) => void,
): StatisticsSampler {
  const { store } = machine;
  /** Cores in use are a difference between two samples: known for what is watched. */
  const lastCores = new Map<string, number>();
  const report = async (record: ContainerRecord): Promise<protocol.LimitsReport> => {
    const live = liveRun(machine, record);
    const cores = lastCores.get(record.id);
    return readLimits({
      container: record.id,
      access: await machine.cgroups(),
      record: live?.runtime.cgroup,
      resources: record.config.linux.resources,
      running: live !== undefined,
      ...(cores === undefined ? {} : { cores }),
    });
  };

  router.on(protocol.ReadLimits, async ({ container }) => report(await store.find(container)));
  router.on(protocol.SetLimits, async ({ container, changes }) => {
    const { id } = await store.find(container);
    return store.locked(id, async (record) => {
      // What cannot be kept is refused before anything is written.
      const resources = applyChanges(record.config.linux.resources ?? {}, changes);
      const live = liveRun(machine, record);
      if (live !== undefined) {
        if (live.runtime.cgroup === undefined) throw noCgroup(record.name);
        await writeLimits(live.runtime.cgroup, changes);
      }
      const changed = {
        ...record,
        specification: { ...record.specification, resources },
        config: { ...record.config, linux: { ...record.config.linux, resources } },
      };
      await store.save(changed);
      announceChange(machine);
      return report(changed);
    });
  });

  const sampler = new StatisticsSampler({
    find: (id) => {
      const run = readLatestRun(store, id);
      if (run?.runtime === undefined) return undefined;
      const { runtime } = run;
      const pids = async () => (await processesOf({ ...run, runtime })).map(({ identity }) => identity.pid);
      return { container: id, record: runtime.cgroup, pids };
    },
    onSampled: (stats) => {
      for (const { container, cpu } of stats) if (cpu !== undefined) lastCores.set(container, cpu);
      onSampled(stats);
    },
    onError: (error) => machine.log(`statistics: ${error instanceof Error ? error.message : String(error)}`),
  });
  router.on(protocol.WatchStats, ({ containers }) => {
    sampler.watch(containers);
    return null;
  });
  return sampler;
}

function noCgroup(name: string): protocol.TerrariumError {
  return protocol.terrariumError(protocol.ErrorCode.Unavailable, `${name} runs without a cgroup`, {
    cause: 'When it was started no cgroup could be made for it, so there is nothing that could hold a limit.',
    fix: 'Look at the lines on cgroups in the doctor; then restart the container.',
    command: 'terrarium doctor',
  });
}

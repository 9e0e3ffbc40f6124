import { randomUUID } from 'node:crypto';
import { readLimits } from '../cgroup/limits.js';
import { applyChanges } from '../cgroup/resources.js';
import { writeLimits } from '../cgroup/write.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { liveRun } from '../container/stop.js';
import { announceChange } from '../container/watcher.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about limits. */
export function routeLimits(router: Router, machine: Machine): void {
  const { store } = machine;
  const report = async (record: ContainerRecord): Promise<protocol.LimitsReport> => {
    const live = liveRun(machine, record);
    return readLimits({
      target: { container: record.id },
      title: record.name,
      access: await machine.cgroups(),
      record: live?.runtime.cgroup,
      resources: record.config.linux.resources,
      running: live !== undefined,
    });
  };

  const containerOf = (target: protocol.LimitTarget): string => {
    if ('container' in target) return target.container;
    throw protocol.terrariumError(protocol.ErrorCode.Unavailable, 'Only limits of containers can be edited here');
  };

  router.on(protocol.ReadLimits, async (target) => report(await store.find(containerOf(target))));
  router.on(protocol.SetLimits, async ({ target, changes }) => {
    const { id } = await store.find(containerOf(target));
    return store.locked(id, async (record) => {
      // What cannot be kept is refused before anything is written.
      const resources = applyChanges(record.config.linux.resources ?? {}, changes);
      const live = liveRun(machine, record);
      const before = new Map((await report(record)).readings.map(({ name, value }) => [name, value]));
      let writes: protocol.LimitWrite[] = [];
      if (live !== undefined) {
        if (live.runtime.cgroup === undefined) throw noCgroup(record.name);
        writes = await writeLimits(live.runtime.cgroup, changes, record.config.linux.resources);
      }
      const changed = {
        ...record,
        specification: { ...record.specification, resources },
        config: { ...record.config, linux: { ...record.config.linux, resources } },
      };
      await store.save(changed);
      announceChange(machine);
      const edit: protocol.LimitEdit = {
        id: randomUUID(),
        at: new Date().toISOString(),
        kind: 'edit',
        changes: changes.map(({ name, value }) => ({
          name,
          before: before.get(name) ?? protocol.knobOf(name).cleared,
          after: value,
        })),
      };
      return { report: await report(changed), writes, edit };
    });
  });
}

function noCgroup(name: string): protocol.TerrariumError {
  return protocol.terrariumError(protocol.ErrorCode.Unavailable, `${name} runs without a cgroup`, {
    cause: 'When it was started no cgroup could be made for it, so there is nothing that could hold a limit.',
    fix: 'Look at the lines on cgroups in the doctor; then restart the container.',
    command: 'terrarium doctor',
  });
}

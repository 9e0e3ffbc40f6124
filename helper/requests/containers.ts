import { createContainer } from '../container/create.js';
import { execInContainer } from '../container/exec.js';
import { keepFailedLedgers } from '../container/failures.js';
import type { Machine } from '../container/machine.js';
import { readOutput, toLogEntry } from '../container/outputLog.js';
import type { ContainerRecord } from '../container/record.js';
import { removeContainer } from '../container/remove.js';
import { readLatestRun, summarize } from '../container/runs.js';
import { attachTarget, startContainer } from '../container/start.js';
import {
  pauseContainer,
  resumeContainer,
  runningRun,
  signalContainer,
  stopContainer,
  waitForEnd,
} from '../container/stop.js';
import { announceChange, listContainers } from '../container/watcher.js';
import { namedNetworkOf } from '../network/endpoints.js';
import { namesChanged } from '../network/membership.js';
import * as protocol from '../protocol/index.js';
import { parseSpecification } from '../specification/schema.js';
import type { Router } from './router.js';

/** Requests that make, change and end containers. */
export function routeContainers(router: Router, machine: Machine): void {
  const { store } = machine;
  const find = ({ container }: protocol.ContainerReference) => store.find(container);
  /** Finds it, locks it, works on it, and lets every helper know. */
  const change = async <T>(
    reference: protocol.ContainerReference,
    work: (record: ContainerRecord) => Promise<T>,
  ): Promise<T> => {
    const { id } = await find(reference);
    try {
      return await store.locked(id, work);
    } finally {
      announceChange(machine);
    }
  };

  router.on0(protocol.ListContainers, () => listContainers(machine));
  router.on(protocol.CreateContainer, async (params) => {
    const record = await createContainer(machine, params);
    await store.sync(record);
    announceChange(machine);
    return summarize(store, record);
  });
  router.on(protocol.StartContainer, (params) => change(params, (record) => startContainer(machine, record)));
  router.on(protocol.RunContainer, async (params) => {
    const record = await createContainer(machine, params);
    return store.lockedNew(record, async () => {
      // The disk works while the container is started; the answer waits for both.
      const synced = store.sync(record);
      synced.catch(() => undefined);
      try {
        const started = await startContainer(machine, record);
        await synced;
        // The socket that watchers go by was there before all was known.
        announceChange(machine);
        return started;
      } catch (error) {
        await undoRun(machine, record);
        throw error;
      }
    });
  });
  router.on(protocol.StopContainer, (params) => change(params, (record) => stopContainer(machine, record, params)));
  router.on(protocol.KillContainer, async (params) => {
    await signalContainer(machine, await find(params), params);
    return null;
  });
  router.on(protocol.PauseContainer, (params) => change(params, (record) => pauseContainer(machine, record)));
  router.on(protocol.ResumeContainer, (params) => change(params, (record) => resumeContainer(machine, record)));
  router.on(protocol.RestartContainer, (params) =>
    change(params, async (record) => {
      await stopContainer(machine, record, params);
      return startContainer(machine, record);
    }),
  );
  router.on(protocol.RenameContainer, (params) =>
    change(params, async (record) => {
      // The grammar of names is the specification's.
      parseSpecification({ name: params.name });
      const renamed = await store.rename(record, params.name);
      const network = namedNetworkOf(machine, renamed.specification);
      if (network !== undefined) await namesChanged(machine, network);
      return summarize(store, renamed);
    }),
  );
  router.on(protocol.RemoveContainer, async (params) => {
    const found = await store.findRemovable(params.container);
    try {
      // Once it is locked it is looked at again: it may be gone, or have been changed.
      await store.lockedNew(found, async () =>
        removeContainer(machine, await store.findRemovable(found.id), params.force ?? false),
      );
    } finally {
      announceChange(machine);
    }
    return null;
  });
  router.on(protocol.WaitContainer, async (params) => {
    const record = await find(params);
    await waitForEnd(machine, record);
    return summarize(store, record);
  });
  router.on(protocol.ExecInContainer, async (params) => execInContainer(machine, await find(params), params.process));
  router.on(protocol.AttachContainer, async (params) => {
    const record = await find(params);
    const { runtime, folder } = runningRun(machine, record);
    const terminal = record.config.process.terminal === true;
    return attachTarget(machine, { socket: runtime.socket, directory: folder, terminal, replay: 'recent' });
  });
  router.on(protocol.ReadLogs, async (params) => {
    const record = await find(params);
    const run = readLatestRun(store, record.id);
    if (run === undefined) return { entries: [], next: '0' };
    const reading = await readOutput(run.folder, BigInt(params.from ?? 0), params.limit);
    return { entries: reading.frames.map(toLogEntry), next: String(reading.next) };
  });
}

/** Leaves nothing of a container that could not be started but its ledger. What goes wrong here must not hide why. */
async function undoRun(machine: Machine, record: ContainerRecord): Promise<void> {
  for (const work of [() => keepFailedLedgers(machine, record), () => removeContainer(machine, record, true)]) {
    try {
      await work();
    } catch (error) {
      machine.log(`${record.name} was not wholly undone: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

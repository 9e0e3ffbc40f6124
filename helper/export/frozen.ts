import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { summarize } from '../container/runs.js';
import { liveRun, pauseContainer, resumeContainer } from '../container/stop.js';

/**
 * Does something while nothing in a container runs: what it reads is of one moment. One that does not run, or was paused
 * before, is left as it is. The caller holds the container's lock.
 * @throws WrongState when it cannot be paused, and what `work` throws; it runs on in any case
 */
export async function whileFrozen<T>(machine: Machine, record: ContainerRecord, work: () => Promise<T>): Promise<T> {
  const { state } = await summarize(machine.store, record);
  if (state !== 'running') return work();
  await pauseContainer(machine, record);
  try {
    return await work();
  } finally {
    // Killed meanwhile, there is nothing to resume.
    if (liveRun(machine, record) !== undefined) await resumeContainer(machine, record);
  }
}

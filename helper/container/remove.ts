import { existsSync, promises as fs } from 'node:fs';
import * as path from 'node:path';
import { foldersOf } from '../cgroup/layout.js';
import { removeCgroups } from '../cgroup/remove.js';
import { removeRootViews } from '../files/view.js';
import { isAlive } from '../inspect/stat.js';
import { removeJournal } from '../limits/journal.js';
import { containerEndpoint, namedNetworkOf } from '../network/endpoints.js';
import { leaveNetwork, namesChanged } from '../network/membership.js';
import type { Plan } from '../plan/step.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import { stepFailure } from './failure.js';
import { ledgersWritten } from './ledgers.js';
import type { Machine } from './machine.js';
import type { ContainerRecord } from './record.js';
import { readLatestRun } from './runs.js';
import { killContainer, liveRun } from './stop.js';

/**
 * Removes a container with all its files. Files of subordinate ids can be removed only from inside the user namespace, so
 * the zygote does it. The caller holds the container's lock.
 * @throws WrongState when it runs and `force` is not set
 */
export async function removeContainer(machine: Machine, record: ContainerRecord, force: boolean): Promise<void> {
  if (liveRun(machine, record) !== undefined) {
    if (!force) {
      throw terrariumError(ErrorCode.WrongState, `${record.name} is running`, {
        fix: 'Stop it first, or remove it by force.',
        command: `terrarium rm -f ${record.name}`,
      });
    }
    await killContainer(machine, record);
  }
  await removeRootViews(machine, record);
  await removeLeftCgroups(machine, record);
  await removeLeftSockets(machine, record);
  const plan: Plan = ['upper', 'work', 'scratch', 'rootfs', 'sessions', 'runs'].map((name) => ({
    kind: 'removeTree',
    path: machine.store.folder(record.id, name),
  }));
  const { answer } = await machine.zygote.carryOut(plan);
  if (answer.status === 'failed') {
    throw await stepFailure(machine, `${record.name} could not be removed`, plan, answer, {
      container: record.id,
      operation: 'remove',
    });
  }
  await ledgersWritten(machine.store.folder(record.id, 'ledgers'));
  await removeJournal(machine.locations, record.id);
  await machine.store.forget(record);
  // The container is gone, whatever becomes of its address: that is free again at the next start of another in any case.
  await leave(machine, record).catch((error: unknown) => {
    machine.log(`${record.name} was not taken out of its network: ${String(error)}`);
  });
}

async function leave(machine: Machine, record: ContainerRecord): Promise<void> {
  const endpoint = containerEndpoint(machine, record);
  if (endpoint !== undefined) return leaveNetwork(machine, endpoint);
  const network = namedNetworkOf(machine, record.specification);
  if (network !== undefined) await namesChanged(machine, network);
}

/** A monitor that was killed leaves its socket behind, that of the container or of a process that entered. */
async function removeLeftSockets(machine: Machine, record: ContainerRecord): Promise<void> {
  const { runtime } = machine.locations;
  const left = (await fs.readdir(runtime)).filter((name) => name.startsWith(`${record.id}-`));
  for (const name of left) await fs.rm(path.join(runtime, name), { force: true });
}

/** A monitor that was killed leaves its cgroups behind, when what it watched has ended. The caller holds the lock. */
export async function removeLeftCgroups(machine: Machine, record: ContainerRecord): Promise<void> {
  const runtime = readLatestRun(machine.store, record.id)?.runtime;
  if (runtime?.cgroup === undefined || isAlive(runtime.monitor) || isAlive(runtime.init)) return;
  if (!foldersOf(runtime.cgroup).some((folder) => existsSync(folder))) return;
  await removeCgroups(runtime.cgroup).catch((error: unknown) => {
    machine.log(`cgroups of ${record.name} were not removed: ${String(error)}`);
  });
}

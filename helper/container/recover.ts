import { existsSync, promises as fs } from 'node:fs';
import * as path from 'node:path';
import { ResponseError } from 'vscode-jsonrpc';
import { tryFlock } from '../../native/bindings/flock.js';
import { containerRecord } from '../cgroup/layout.js';
import { bootId } from '../inspect/boot.js';
import { processIdentity } from '../inspect/stat.js';
import { type ContainerSummary, ErrorCode } from '../protocol/index.js';
import { findListener } from '../zygote/connection.js';
import { writeAtomically } from './atomicFile.js';
import type { Machine } from './machine.js';
import type { ContainerRecord, RuntimeRecord } from './record.js';
import { removeContainer, removeLeftCgroups } from './remove.js';
import { readLatestRun } from './runs.js';
import { socketOf } from './start.js';
import { lingerMilliseconds, readRemovableFrom } from './throwAway.js';
import { undoUnanswered } from './unanswered.js';

/**
 * What helpers that were killed left half made: a start without a record is adopted when its monitor lives and undone
 * when not; folders without a record, throw-away containers that have ended, and cgroups that nothing is left of are
 * removed. Never touches what another helper has locked.
 */
export async function recover(machine: Machine): Promise<void> {
  for (const id of await machine.store.ids()) {
    const folder = machine.store.folder(id);
    const handle = await fs.open(folder, 'r').catch(() => undefined);
    if (handle === undefined) continue;
    try {
      if (!tryFlock(handle.fd, 'exclusive')) continue;
      const record = await machine.store.read(id);
      if (record === undefined) await removeRemains(machine, folder, (await handle.stat()).mtimeMs);
      else {
        await adopt(machine, record);
        await removeLeftCgroups(machine, record);
        const from = readRemovableFrom(machine, record);
        if (from !== undefined && from <= Date.now()) await removeContainer(machine, record, false);
      }
    } catch (error) {
      machine.log(`container ${id} could not be recovered: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      await handle.close();
    }
  }
  // Looking for a place for cgroups tidies it. A zygote that is not there is not started for that.
  if (await machine.zygote.isRunning()) await machine.cgroups();
}

/**
 * Removes the cgroups of containers that have ended after their monitor was killed, while this helper lives. Others may do
 * the same: who is later finds nothing.
 */
export async function tidyUnwatched(machine: Machine, containers: readonly ContainerSummary[]): Promise<void> {
  for (const { id, state, monitorLost } of containers) {
    if (state !== 'stopped' || monitorLost !== true) continue;
    try {
      await machine.store.locked(id, (record) => removeLeftCgroups(machine, record));
    } catch (error) {
      if (error instanceof ResponseError && error.code === ErrorCode.NotFound) continue;
      machine.log(`cgroups of ${id} were not removed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** A folder is made a moment before its record: a young one may be somebody's who is just creating it. */
async function removeRemains(machine: Machine, folder: string, modified: number): Promise<void> {
  if (Date.now() - modified < lingerMilliseconds) return;
  await machine.zygote.carryOut([{ kind: 'removeTree', path: folder }]);
}

/** Completes the record of a start whose helper died between the stage's answer and writing it down. */
async function adopt(machine: Machine, record: ContainerRecord): Promise<void> {
  const run = readLatestRun(machine.store, record.id);
  if (run === undefined || run.runtime !== undefined || run.exit !== undefined) return;
  const socket = socketOf(machine, `${record.id}-${run.number}`);
  const pid = await findListener(socket);
  const monitor = pid === undefined ? undefined : processIdentity(pid);
  const children = monitor && (await fs.readFile(`/proc/${monitor.pid}/task/${monitor.pid}/children`, 'utf8'));
  const init = children ? processIdentity(Number(children.split(' ')[0])) : undefined;
  const cgroup = containerRecord(await machine.cgroups(), record.id, record.specification.group);
  if (monitor === undefined || init === undefined) {
    await undoUnanswered(run.folder, cgroup);
    await fs.rm(run.folder, { recursive: true, force: true });
    return;
  }
  const isThere = cgroup !== undefined && Object.values(cgroup.paths).every((folder) => existsSync(folder));
  const runtime: RuntimeRecord = {
    bootId: bootId(),
    init,
    monitor,
    zygotePid: await machine.zygote.pid(),
    startedAt: (await fs.stat(run.folder)).birthtime.toISOString(),
    socket,
    ...(isThere ? { cgroup } : {}),
  };
  await writeAtomically(path.join(run.folder, 'runtime.json'), JSON.stringify(runtime), { durable: false });
}

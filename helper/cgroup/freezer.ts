import { setTimeout as delay } from 'node:timers/promises';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import { parseKeyed, readCgroupFile, writeCgroupFile } from './file.js';
import { type CgroupRecord, controllerFile } from './record.js';

/** A process in uninterruptible sleep (a disk or network file system that does not answer) cannot be frozen until it wakes. */
const patienceMs = 10_000;

/** Whether the container's cgroup can be frozen. */
export function hasFreezer(record: CgroupRecord | undefined): boolean {
  return record !== undefined && (record.version === 2 || record.paths.freezer !== undefined);
}

/** Whether every process of the container is stopped by the freezer; false without a freezer. */
export async function isFrozen(record: CgroupRecord | undefined): Promise<boolean> {
  if (record === undefined) return false;
  if (record.version === 1) return (await readState(record, 'freezer.state')) === 'FROZEN';
  return parseKeyed(await readState(record, 'cgroup.events')).get('frozen') === 1;
}

/**
 * Freezes every process of the container and waits until all are.
 * Throws `Unavailable` where there is no freezer, and `WrongState` when a process will not freeze within ten seconds; then
 * the container is thawed again.
 */
export async function freeze(record: CgroupRecord | undefined): Promise<void> {
  const freezer = freezerOf(record);
  await writeCgroupFile(freezer.file, freezer.frozen);
  if (await reaches(freezer, true)) return;
  await writeCgroupFile(freezer.file, freezer.thawed);
  throw terrariumError(ErrorCode.WrongState, 'The container cannot be paused now', {
    cause: 'A process is inside a system call that cannot be interrupted, for instance on a disk that does not answer.',
    fix: 'Try again when that call has ended: ps shows the process in state D.',
    path: freezer.file,
  });
}

/** Lets the container run on. Throws `Unavailable` where there is no freezer. */
export async function thaw(record: CgroupRecord | undefined): Promise<void> {
  const freezer = freezerOf(record);
  await writeCgroupFile(freezer.file, freezer.thawed);
  if (await reaches(freezer, false)) return;
  throw terrariumError(ErrorCode.WrongState, 'The container is still frozen', {
    cause: 'A group above the container is frozen.',
    fix: `Thaw the group above ${freezer.file}.`,
    path: freezer.file,
  });
}

interface Freezer {
  record: CgroupRecord;
  file: string;
  frozen: string;
  thawed: string;
}

function freezerOf(record: CgroupRecord | undefined): Freezer {
  const version = record?.version;
  const file =
    record === undefined
      ? undefined
      : controllerFile(record, 'freezer', version === 1 ? 'freezer.state' : 'cgroup.freeze');
  if (record === undefined || file === undefined) {
    throw terrariumError(ErrorCode.Unavailable, 'This container has no freezer', {
      cause: 'It has no cgroup that can be frozen.',
      fix: 'Have a cgroup delegated to you (the doctor says how), then restart the container.',
      doctor: 'cgroup-freezer',
    });
  }
  return version === 1
    ? { record, file, frozen: 'FROZEN', thawed: 'THAWED' }
    : { record, file, frozen: '1', thawed: '0' };
}

async function readState(record: CgroupRecord, file: string): Promise<string | undefined> {
  const state = controllerFile(record, 'freezer', file);
  return state === undefined ? undefined : readCgroupFile(state);
}

/** Looks again after 1, 2, 4… milliseconds, at most fifty: freezing takes a few, or until a disk answers. */
async function reaches(freezer: Freezer, frozen: boolean): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  // On v1 looking is also what moves FREEZING on: a process that was forking may have slipped through.
  for (let pause = 1; (await isFrozen(freezer.record)) !== frozen; pause = Math.min(2 * pause, 50)) {
    if (Date.now() > deadline) return false;
    await delay(pause);
    // v1 can stay in FREEZING for good, when a process was woken just as it was frozen: only a fresh start helps.
    if (frozen && freezer.record.version === 1 && pause === 50) {
      await writeCgroupFile(freezer.file, freezer.thawed);
      await writeCgroupFile(freezer.file, freezer.frozen);
    }
  }
  return true;
}

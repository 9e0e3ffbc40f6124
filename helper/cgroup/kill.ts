import { readdir } from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ResponseError } from 'vscode-jsonrpc';
import { signalProcess } from '../inspect/signal.js';
import { processIdentity, readStat } from '../inspect/stat.js';
import { ErrorCode, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import { readCgroupFile, writeCgroupFile } from './file.js';
import { freeze, isFrozen, thaw } from './freezer.js';
import { type CgroupRecord, controllerFile, controllerFolder } from './record.js';

const SIGKILL = 9;
/** A killed process may take a while to give its memory back. */
const patienceMs = 10_000;

/**
 * Kills every process of the container, also frozen ones, and waits until none is left (reaped or not).
 * Where cgroup.kill is missing (v1, kernels before 5.14) processes are frozen so that none can fork away, signalled, and thawed,
 * for on v1 a frozen process does not die. The owner of a user namespace may signal every process in it, subordinate ids too.
 * Throws `Unavailable` without a cgroup, and `WrongState` when processes do not end within ten seconds.
 */
export async function killAll(record: CgroupRecord | undefined): Promise<void> {
  const folder =
    record === undefined ? undefined : (controllerFolder(record, 'freezer') ?? Object.values(record.paths)[0]);
  if (record === undefined || folder === undefined) {
    throw terrariumError(ErrorCode.Unavailable, 'This container has no cgroup to kill it by', {
      fix: 'Kill its init process: the kernel ends the others of its pid namespace with it.',
      doctor: 'cgroup',
    });
  }
  // Its monitor removes the cgroup when the container has ended: then there is nothing left to kill.
  if ((await readCgroupFile(path.join(folder, 'cgroup.procs'))) === undefined) return;
  const byKernel = await killByKernel(record);
  if (!byKernel) await killByHand(record, folder);
  const deadline = Date.now() + patienceMs;
  for (let pause = 1; (await livingIn(folder)).length > 0; pause = Math.min(2 * pause, 50)) {
    if (Date.now() > deadline) {
      throw terrariumError(ErrorCode.WrongState, 'Processes of the container do not end', {
        cause: 'They are inside a system call that cannot be interrupted, for instance on a disk that does not answer.',
        fix: `Look for state D in ps. Their pids: ${(await livingIn(folder)).join(', ')}.`,
        path: folder,
      });
    }
    // Without a freezer some may have been forked by those that were killed just then.
    if (!byKernel) await killEach(folder);
    await delay(pause);
  }
}

async function killByKernel(record: CgroupRecord): Promise<boolean> {
  const file = record.version === 2 ? controllerFile(record, 'cgroup', 'cgroup.kill') : undefined;
  if (file === undefined) return false;
  try {
    await writeCgroupFile(file, '1');
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // Before 5.14.
    if (code === 'ENOENT') return false;
    throw error;
  }
}

async function killByHand(record: CgroupRecord, folder: string): Promise<void> {
  const canFreeze = record.version === 2 || record.paths.freezer !== undefined;
  const wasFrozen = await isFrozen(record);
  if (canFreeze && !wasFrozen) await freeze(record);
  try {
    await killEach(folder);
  } finally {
    if (canFreeze) await thaw(record);
  }
}

async function killEach(folder: string): Promise<void> {
  for (const pid of await livingIn(folder)) {
    const identity = processIdentity(pid);
    if (identity !== undefined) killUnlessGone(identity);
  }
}

function killUnlessGone(identity: ProcessIdentity): void {
  try {
    signalProcess(identity, SIGKILL);
  } catch (error) {
    if (!(error instanceof ResponseError) || error.code !== ErrorCode.NotFound) throw error;
  }
}

/** Pids in the group and the groups below, zombies left out: those wait for their parent, not for us. */
async function livingIn(folder: string): Promise<number[]> {
  const text = await readCgroupFile(path.join(folder, 'cgroup.procs'));
  const own = (text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number)
    .filter((pid) => pid > 0);
  const below = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const deeper = await Promise.all(
    below.filter((entry) => entry.isDirectory()).map((entry) => livingIn(path.join(folder, entry.name))),
  );
  return [...own.filter(isLiving), ...deeper.flat()];
}

function isLiving(pid: number): boolean {
  const state = readStat(pid)?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}

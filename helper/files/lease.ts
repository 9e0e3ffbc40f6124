/**
 * Who has an overlay's writable layer in use. Mounted twice, or used through descriptors of an earlier mount while it is
 * mounted again, an overlay may lose files. So whoever looks into a container's root holds the lease of its view shared,
 * and whoever is about to mount that root has had it exclusively. It is a lock of the kernel's: it goes with its holder,
 * however that one ends.
 */
import { closeSync, constants, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { flock, type LockMode, tryFlock } from '../../native/bindings/flock.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';

/** Those who hold the lease are asked to let go by a file of this name beside it. */
const endingName = 'ending';
/** A cancelled request is given 5 s before its agent is killed: this is more. */
const patienceMilliseconds = 10_000;

export function leaseFile(folder: string): string {
  return path.join(folder, 'lease');
}

/** Opens a lease, without taking it. The descriptor is the caller's to close, which gives the lease back. */
export function openLease(folder: string): number {
  return openSync(leaseFile(folder), constants.O_RDWR | constants.O_CREAT, 0o600);
}

/** Runs `work` while nobody else opens or ends the view of this folder. */
export async function withViewLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await flock(fd, 'exclusive');
    // Of somebody who asked and was killed: those who ask have this lock.
    rmSync(path.join(folder, endingName), { force: true });
    return await work();
  } finally {
    closeSync(fd);
  }
}

/** Whether those who hold the lease are asked to let go of it. To be asked again whenever something changes in the folder. */
export function isAskedToEnd(folder: string): boolean {
  return existsSync(path.join(folder, endingName));
}

/** Opens the lease and takes it shared. @throws WrongState when somebody has it exclusively for ten seconds */
export async function share(folder: string, name: string): Promise<number> {
  const lease = openLease(folder);
  try {
    await wait(lease, 'shared', name);
    return lease;
  } catch (error) {
    closeSync(lease);
    throw error;
  }
}

/**
 * Takes the lease exclusively, after asking everybody to let go of it.
 * @throws WrongState when somebody does not within ten seconds
 */
export async function drain(folder: string, lease: number, name: string): Promise<void> {
  if (tryFlock(lease, 'exclusive')) return;
  const marker = path.join(folder, endingName);
  writeFileSync(marker, '', { mode: 0o600 });
  try {
    await wait(lease, 'exclusive', name);
  } finally {
    rmSync(marker, { force: true });
  }
}

async function wait(lease: number, mode: LockMode, name: string): Promise<void> {
  const patience = AbortSignal.timeout(patienceMilliseconds);
  try {
    await flock(lease, mode, patience);
  } catch (error) {
    if (!patience.aborted) throw error;
    throw terrariumError(ErrorCode.WrongState, `Files of ${name} are still in use`, {
      cause: 'Another window or command is at work on files of it and does not let go of them.',
      fix: 'Wait until it has finished, or cancel it.',
    });
  }
}

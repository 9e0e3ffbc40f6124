/** flock(2): advisory locks that go with an open file and vanish with its last descriptor. */
import { setTimeout as delay } from 'node:timers/promises';
import { check, declare, SystemError } from './libc.js';

export type LockMode = 'shared' | 'exclusive';

const flockCall = declare<(fd: number, operation: number) => number>('flock', 'int', ['int', 'int']);
const operations = { shared: 1, exclusive: 2 } as const;
const LOCK_NB = 4;
const LOCK_UN = 8;

const firstDelay = 1;
const longestDelay = 16;

/**
 * Takes or converts the lock if that needs no waiting.
 * @returns false when somebody else holds it.
 */
export function tryFlock(fd: number, mode: LockMode): boolean {
  for (;;) {
    try {
      check(flockCall(fd, operations[mode] | LOCK_NB), 'flock');
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) {
        throw error;
      }
      if (error.code === 'EAGAIN') {
        return false;
      }
      if (error.code !== 'EINTR') {
        throw error;
      }
    }
  }
}

/**
 * Takes the lock, waiting for it. It asks again and again (1 to 16 ms apart) rather than blocking a thread: libuv's
 * pool has four, and when waiters fill it, the holder can no longer write the file that the lock is about.
 * @param signal ends the wait; the promise is then rejected with its reason.
 */
export async function flock(fd: number, mode: LockMode, signal?: AbortSignal): Promise<void> {
  for (let milliseconds = firstDelay; !tryFlock(fd, mode); milliseconds = Math.min(milliseconds * 2, longestDelay)) {
    await delay(milliseconds, undefined, signal ? { signal } : {});
  }
}

/** Gives the lock back. Closing the descriptor does so too. */
export function unlock(fd: number): void {
  check(flockCall(fd, LOCK_UN), 'flock');
}

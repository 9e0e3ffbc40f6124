import { setTimeout as delay } from 'node:timers/promises';
import { cancelled } from '../image/failure.js';
import { type ErrorCode, type TerrariumError, terrariumError } from '../protocol/errors.js';

/** A failure that may be over when it is tried again. */
export class Transient extends Error {
  /**
   * @param failure what is answered when it is not over
   * @param waitMilliseconds how long the server asks to wait; undefined when it does not say
   */
  constructor(
    readonly failure: TerrariumError,
    readonly waitMilliseconds?: number,
  ) {
    super(failure.message);
  }
}

export interface RetryPolicy {
  /** All of them, the first too. */
  attempts: number;
  /** Before the second attempt; doubled for each further one. */
  firstDelayMilliseconds: number;
  /** The longest that a server may ask to wait. */
  longestDelayMilliseconds: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  attempts: 5,
  firstDelayMilliseconds: 500,
  longestDelayMilliseconds: 60_000,
};

/**
 * Tries again what failed with `Transient`.
 * @param attempt answers the result; calls `progress` when it got on, which makes the attempts count from the start.
 * @throws TerrariumError the last failure, or the cancel.
 */
export async function retried<T>(
  attempt: (progress: () => void) => Promise<T>,
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<T> {
  for (let failures = 0; ; ) {
    let progressed = false;
    try {
      return await attempt(() => {
        progressed = true;
      });
    } catch (error) {
      if (signal.aborted) throw cancelled();
      if (!(error instanceof Transient)) throw error;
      failures = progressed ? 1 : failures + 1;
      if (failures >= policy.attempts) throw error.failure;
      await pause(waitBefore(failures, error, policy), signal);
    }
  }
}

/** Jittered, so that clients that failed together do not come back together. */
function waitBefore(failures: number, { failure, waitMilliseconds }: Transient, policy: RetryPolicy): number {
  if (waitMilliseconds === undefined) {
    const longest = Math.min(policy.firstDelayMilliseconds * 2 ** (failures - 1), policy.longestDelayMilliseconds);
    return longest * (0.5 + Math.random() / 2);
  }
  if (waitMilliseconds > policy.longestDelayMilliseconds) {
    const seconds = Math.ceil(waitMilliseconds / 1000);
    throw terrariumError(failure.code as ErrorCode, failure.message, {
      ...failure.data,
      fix: `The registry asks to wait ${seconds} seconds. Try again then.`,
    });
  }
  return waitMilliseconds;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch {
    throw cancelled();
  }
}

/** `Retry-After` in milliseconds from now: seconds or a date (RFC 9110, 10.2.3); undefined for anything else. */
export function parseRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

import { setTimeout as delay } from 'node:timers/promises';

/** How long something may take that takes a second on a machine with nothing else to do. */
export const patienceMs = 40_000;

/**
 * Waits until something is so.
 * @throws when it has not become so in time
 */
export async function until(condition: () => boolean | Promise<boolean>, milliseconds = patienceMs): Promise<void> {
  for (const end = Date.now() + milliseconds; !(await condition()); await delay(50)) {
    if (Date.now() > end) throw new Error(`never came true: ${condition}`);
  }
}

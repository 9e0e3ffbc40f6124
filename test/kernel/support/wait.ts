import { setTimeout as delay } from 'node:timers/promises';

/** Far more than anything takes that comes at all, on a busy machine and in user-mode Linux too. */
const patienceSeconds = 30;

/** Waits until `probe` finds something; fails after so many seconds, saying what it was. */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  seconds = patienceSeconds,
): Promise<Exclude<T, undefined | false>> {
  for (const deadline = Date.now() + seconds * 1000; ; await delay(10)) {
    const found = await probe();
    if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    if (Date.now() > deadline) throw new Error(`Waited ${seconds} seconds in vain for ${what}`);
  }
}

/** Waits until a number that others change has been the same for a while, and answers it: what was on its way has come. */
export async function settled(what: string, read: () => number | Promise<number>): Promise<number> {
  let before = await read();
  await eventually(`${what} to stand still`, async () => {
    await delay(200);
    const [last, now] = [before, await read()];
    before = now;
    return now === last;
  });
  return before;
}

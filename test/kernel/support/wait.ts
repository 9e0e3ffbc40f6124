import { setTimeout as delay } from 'node:timers/promises';

/** Waits until `probe` finds something; fails after ten seconds, saying what it was. */
export async function eventually<T>(what: string, probe: () => T | Promise<T>): Promise<Exclude<T, undefined | false>> {
  for (const deadline = Date.now() + 10_000; ; await delay(10)) {
    const found = await probe();
    if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    if (Date.now() > deadline) throw new Error(`Waited ten seconds in vain for ${what}`);
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

import { setTimeout as delay } from 'node:timers/promises';

/** Waits until `probe` finds something; fails after ten seconds, saying what it was. */
export async function eventually<T>(what: string, probe: () => T | Promise<T>): Promise<Exclude<T, undefined | false>> {
  for (const deadline = Date.now() + 10_000; ; await delay(10)) {
    const found = await probe();
    if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    if (Date.now() > deadline) throw new Error(`Waited ten seconds in vain for ${what}`);
  }
}

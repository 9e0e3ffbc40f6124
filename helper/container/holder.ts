/** What pods and named networks have in common: a process that only holds namespaces, the record of it, and its end. */
import { createHash } from 'node:crypto';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { isAlive } from '../inspect/stat.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import type { Locations } from './locations.js';
import { noteStarted, readNoted } from './processRecord.js';

const processIdentity = z.object({ pid: z.int().positive(), startTime: z.number() });
export const holderSchema = z.object({
  bootId: z.string(),
  init: processIdentity,
  monitor: processIdentity,
  /** Of the zygote in whose user namespace it is. */
  zygotePid: z.int().positive(),
});
export type Holder = z.infer<typeof holderSchema>;

/** In the runtime folder, by a digest: a name may be longer than the path of a socket may be. */
export function holderFolder({ runtime }: Locations, kind: 'pod' | 'network', name: string): string {
  return path.join(runtime, `${kind}-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`);
}

const recordFile = (folder: string) => path.join(folder, 'holder.json');

/** The latest one since the machine's start, whether it is still there or not. */
export function readHolder<T extends Holder>(folder: string, schema: z.ZodType<T>): T | undefined {
  return readNoted(recordFile(folder), schema);
}

/** Notes one that was started just now; when that cannot be done it is ended. */
export function keepHolder(folder: string, holder: Holder): Promise<void> {
  return noteStarted(recordFile(folder), holder.init, holder);
}

const endMilliseconds = 10_000;

/**
 * Waits until it and its monitor are gone.
 * @param told  what to say and to do when they do not go
 * @throws WrongState
 */
export async function awaitEnd(
  { init, monitor }: Pick<Holder, 'init' | 'monitor'>,
  told: { message: string; fix: string; command: string },
): Promise<void> {
  const deadline = Date.now() + endMilliseconds;
  for (let pause = 1; isAlive(init) || isAlive(monitor); pause = Math.min(pause * 2, 20)) {
    if (Date.now() > deadline) {
      throw terrariumError(ErrorCode.WrongState, told.message, { fix: told.fix, command: told.command });
    }
    await delay(pause);
  }
}

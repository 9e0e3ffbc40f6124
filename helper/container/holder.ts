/** What pods, named networks and views of files have in common: a process that only holds namespaces, the record of it, and its end. */
import { createHash } from 'node:crypto';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { isAlive } from '../inspect/stat.js';
import { ErrorCode, type ErrorData, terrariumError } from '../protocol/index.js';
import type { Locations } from './locations.js';
import { noteStarted, readNoted } from './processRecord.js';

const processIdentity = z.object({ pid: z.int().positive(), startTime: z.number() });
export const holderSchema = z.object({
  bootId: z.string(),
  init: processIdentity,
  monitor: processIdentity,
});
export type Holder = z.infer<typeof holderSchema>;

/** Of one in whose namespaces containers are made. */
export const sharingHolderSchema = holderSchema.extend({
  /** Of the zygote in whose user namespace it is. */
  zygotePid: z.int().positive(),
});
export type SharingHolder = z.infer<typeof sharingHolderSchema>;

/** In the runtime folder, by a digest: a name may be longer than the path of a socket may be. */
export function holderFolder({ runtime }: Locations, kind: 'pod' | 'network', name: string): string {
  return path.join(runtime, `${kind}-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`);
}

/** The file that one is noted in. */
export const holderRecord = (folder: string) => path.join(folder, 'holder.json');

/** The latest one since the machine's start, whether it is still there or not. */
export function readHolder<T extends Holder>(folder: string, schema: z.ZodType<T>): T | undefined {
  return readNoted(holderRecord(folder), schema);
}

/** Notes one that was started just now; when that cannot be done it is ended. */
export function keepHolder(folder: string, holder: Holder): Promise<void> {
  return noteStarted(holderRecord(folder), holder.init, holder);
}

/** An overlay is unmounted, and its file system synced, when the monitor ends. */
const endMilliseconds = 15_000;

/**
 * Waits until it and its monitor are gone.
 * @param told  what to say and to do when they have not gone within 15 s
 * @throws WrongState
 */
export async function awaitEnd(
  { init, monitor }: Pick<Holder, 'init' | 'monitor'>,
  { message, ...told }: { message: string } & ErrorData,
): Promise<void> {
  const deadline = Date.now() + endMilliseconds;
  for (let pause = 1; isAlive(init) || isAlive(monitor); pause = Math.min(pause * 2, 20)) {
    if (Date.now() > deadline) {
      throw terrariumError(ErrorCode.WrongState, message, told);
    }
    await delay(pause);
  }
}

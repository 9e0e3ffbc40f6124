import { constants } from 'node:os';
import { z } from 'zod';
import { bootId } from '../inspect/boot.js';
import type { ProcessIdentity } from '../protocol/index.js';
import { readIfThere, writeAtomically } from './atomicFile.js';
import { signalUnlessEnded } from './standStill.js';

/**
 * Notes a process that was started just now, in a file of the runtime folder or of a run. One that cannot be noted is killed:
 * nobody would find it again. @throws Node's error when the file cannot be written
 */
export async function noteStarted(file: string, process: ProcessIdentity, record: object): Promise<void> {
  try {
    await writeAtomically(file, JSON.stringify(record), { durable: false });
  } catch (error) {
    signalUnlessEnded(process, constants.signals.SIGKILL);
    throw error;
  }
}

/**
 * What such a file says. Undefined when it is not there, and when it is no such record: it was not synced before it got its
 * name, so a crash of the machine may leave an empty file, and what was noted there has ended with the machine.
 */
export function readRecord<T>(file: string, parse: (text: string) => T): T | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

/** What was noted last, if that was since the machine's start, whether the process is still there or not. */
export function readNoted<T extends { bootId: string }>(file: string, schema: z.ZodType<T>): T | undefined {
  const record = readRecord(file, (text) => schema.parse(JSON.parse(text)));
  return record?.bootId === bootId() ? record : undefined;
}

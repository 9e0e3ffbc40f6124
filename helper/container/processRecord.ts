import { constants } from 'node:os';
import type { ProcessIdentity } from '../protocol/index.js';
import { writeAtomically } from './atomicFile.js';
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

import { promises as fs } from 'node:fs';
import * as path from 'node:path';
import { ledgersWritten } from './ledgers.js';
import type { Machine } from './machine.js';
import type { ContainerRecord } from './record.js';

/** Ledgers of starts that failed so early that the container is gone again: a person may still ask how far it got. */
const kept = 10;

const folderOf = (machine: Machine) => path.join(machine.locations.data, 'failures');

/** Moves the ledgers of a container that is about to be undone to where `failedLedgers` finds them. */
export async function keepFailedLedgers(machine: Machine, record: ContainerRecord): Promise<void> {
  const failures = folderOf(machine);
  await fs.mkdir(failures, { recursive: true, mode: 0o700 });
  const ledgers = machine.store.folder(record.id, 'ledgers');
  await ledgersWritten(ledgers);
  await fs.rename(ledgers, path.join(failures, record.id)).catch((error: NodeJS.ErrnoException) => {
    // It failed before there was anything to keep.
    if (error.code !== 'ENOENT') throw error;
  });
  const byAge = await Promise.all(
    (await fs.readdir(failures)).map(async (id) => ({ id, at: (await fs.stat(path.join(failures, id))).mtimeMs })),
  );
  for (const { id } of byAge.sort((a, b) => b.at - a.at).slice(kept)) {
    await fs.rm(path.join(failures, id), { recursive: true, force: true });
  }
}

/** The folder with the ledgers of a start that was undone, by the container's id. */
export async function failedLedgers(machine: Machine, id: string): Promise<string | undefined> {
  if (!/^[0-9a-f]{12}$/.test(id)) return undefined;
  const folder = path.join(folderOf(machine), id);
  return fs.stat(folder).then(
    () => folder,
    () => undefined,
  );
}

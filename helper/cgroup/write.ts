import * as path from 'node:path';
import { ErrorCode, type LimitChange, type LimitName, limitNames, terrariumError } from '../protocol/index.js';
import { type ChangeWrite, type CurrentLimits, changeWrites } from './changes.js';
import { readCgroupFile, writeCgroupFile } from './file.js';
import { controllerOf, readHeldLimit } from './reading.js';
import { type CgroupRecord, controllerFolder } from './record.js';
import { checkChange } from './resources.js';
import { parseCpuMax, parseLimit } from './units.js';
import { explainRefusal } from './writeErrors.js';

/** What was there before a write, to be put back when a later one is refused. */
interface Undo {
  file: string;
  data: string;
}

/**
 * Changes limits of a running container, all or none: a refused write undoes those before it. What the kernel then holds
 * is for the caller to read (`readLimits`); a file that holds something else than was written counts as refused.
 * Memory is never lowered below what is in use after reclaim: cgroup v2 would kill for it, where v1 refuses (EBUSY).
 * Throws `Invalid`, `Unavailable` or `WrongState` with cause and fix.
 */
export async function writeLimits(record: CgroupRecord, changes: readonly LimitChange[]): Promise<void> {
  const current = await readCurrent(record);
  for (const change of changes) checkChange(change, current.period);
  const undos: Undo[] = [];
  let attempted: ChangeWrite | undefined;
  try {
    for (const write of changeWrites(record.version, current, changes)) {
      attempted = write;
      const folder = folderOf(record, write.name);
      const file = path.join(folder, write.file);
      if (record.version === 2 && write.name === 'memory.max' && !write.loosens) {
        await reclaim(folder, Number(write.data), undos);
      }
      undos.push({ file, data: await readForUndo(file) });
      await writeCgroupFile(file, write.data);
      await checkHeld(file, write);
    }
  } catch (error) {
    const lost = await rollBack(undos);
    const change = changes.find(({ name }) => name === attempted?.name);
    throw explainRefusal(error, { change, file: attempted?.file, version: record.version, lost });
  }
  await restoreHigh(undos);
}

async function readCurrent(record: CgroupRecord): Promise<CurrentLimits> {
  const current: CurrentLimits = { values: {} };
  for (const name of limitNames) {
    const folder = controllerFolder(record, controllerOf(name));
    const held = folder === undefined ? undefined : await readHeldLimit(record.version, name, folder);
    if (held === undefined) continue;
    current.values[name] = held.value;
    if (name === 'cpu.max') current.period = parseCpuMax(held.raw).period;
  }
  return current;
}

function folderOf(record: CgroupRecord, name: LimitName): string {
  const folder = controllerFolder(record, controllerOf(name));
  if (folder !== undefined) return folder;
  throw terrariumError(ErrorCode.Unavailable, `${name} cannot be limited on this machine`, {
    cause: `The container has no cgroup with the controller ${controllerOf(name)}.`,
    fix: `Have ${controllerOf(name)} delegated (the doctor says how), then restart the container.`,
  });
}

async function readForUndo(file: string): Promise<string> {
  const data = await readCgroupFile(file);
  if (data === undefined) throw Object.assign(new Error(`${file} is missing`), { code: 'ENOENT', path: file });
  return data;
}

/**
 * Brings use down to `bytes` before memory.max is: memory.high reclaims and slows down but never kills. It stays until
 * memory.max is written, so that use does not grow again in between. Source: cgroup-v2.rst, "memory.high".
 */
async function reclaim(folder: string, bytes: number, undos: Undo[]): Promise<void> {
  const use = async (): Promise<number> => Number((await readCgroupFile(path.join(folder, 'memory.current'))) ?? 0);
  if ((await use()) <= bytes) return;
  const high = path.join(folder, highFile);
  undos.push({ file: high, data: await readForUndo(high) });
  await writeCgroupFile(high, String(bytes));
  const left = await use();
  if (left > bytes) throw belowUse(left);
}

const highFile = 'memory.high';

async function restoreHigh(undos: readonly Undo[]): Promise<void> {
  for (const { file, data } of undos) if (path.basename(file) === highFile) await writeCgroupFile(file, data);
}

function belowUse(left: number): Error {
  return terrariumError(ErrorCode.Invalid, 'memory.max would be below what the container uses', {
    cause: `${left} bytes stay in use after the kernel reclaimed what it could: it would have to kill processes.`,
    fix: `Choose at least ${left} bytes, or end what uses the memory first.`,
  });
}

/** The kernel rounds bytes down to whole pages (64 KiB at most) and keeps everything else as written. */
const pageSlack = 65_536;

async function checkHeld(file: string, write: ChangeWrite): Promise<void> {
  const raw = await readForUndo(file);
  if (raw === write.data) return;
  const [held, asked] = [parseLimit(raw), parseLimit(write.data)];
  if (held === asked) return;
  const bytes = write.name.startsWith('memory');
  if (bytes && held !== 'max' && asked !== 'max' && held <= asked && asked - held < pageSlack) return;
  throw terrariumError(ErrorCode.Invalid, `The kernel did not take ${write.data} for ${write.name}`, {
    path: file,
    cause: `After the write ${write.file} holds ${raw}.`,
    fix: 'Choose another value.',
  });
}

/** Puts everything back, last first, and answers with the files where even that was refused. */
async function rollBack(undos: readonly Undo[]): Promise<string[]> {
  const lost: string[] = [];
  for (const { file, data } of [...undos].reverse()) {
    try {
      await writeCgroupFile(file, data);
    } catch (error) {
      lost.push(`${file} (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
    }
  }
  return lost;
}

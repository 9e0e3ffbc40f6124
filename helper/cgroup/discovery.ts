import { readdir, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { knobs } from '../protocol/index.js';
import { words } from './access.js';
import { readCgroupFile } from './file.js';
import { isLimitFile, knobFiles, knobOfV1File } from './knobFiles.js';
import { controllerKey } from './reading.js';
import { type CgroupRecord, controllerFolder } from './record.js';

/** What a cgroup's folders offer. */
export interface OfferedKnobs {
  /** Knobs that `knobs` lists and whose files are there. */
  known: ReadonlySet<string>;
  /** Other files of controllers that hold limits, by name. */
  unknown: readonly string[];
  /** Controllers that the group has. */
  controllers: ReadonlySet<string>;
}

/** Knobs of cgroups that the list knows: those of rlimits are kept elsewhere. */
export const listedKnobs = knobs.filter(({ controller }) => controller !== 'rlimit');

/** Looks which files are there. A cgroup that is gone offers nothing. Throws Node's errors. */
export async function offeredKnobs(record: CgroupRecord): Promise<OfferedKnobs> {
  return record.version === 2 ? offeredByV2(record) : offeredByV1(record);
}

async function offeredByV2(record: CgroupRecord): Promise<OfferedKnobs> {
  const folder = controllerFolder(record, 'cgroup') ?? '/';
  const [files, controllers] = await Promise.all([
    filesIn(folder),
    readCgroupFile(path.join(folder, 'cgroup.controllers')),
  ]);
  const known = new Set<string>(listedKnobs.map(({ name }) => name).filter((name) => isThere(2, name, files)));
  const listed = new Set(listedKnobs.flatMap(({ name }) => knobFiles(2, name).flatMap((form) => form.files)));
  const candidates = [...files].filter((file) => !listed.has(file) && mayBeLimit(file)).sort();
  const offered = await Promise.all(candidates.map((file) => isReadAndWritten(path.join(folder, file))));
  return {
    known,
    unknown: candidates.filter((_, index) => offered[index]),
    controllers: new Set(words(controllers)),
  };
}

/** Not of the core, which is no controller, and no second name for a knob. */
function mayBeLimit(file: string): boolean {
  return isLimitFile(file) && !file.startsWith('cgroup.') && file !== 'cpu.weight.nice';
}

/** The mode tells what the file is for, whoever it belongs to: what only can be read is a count, what only can be written an order. */
async function isReadAndWritten(file: string): Promise<boolean> {
  try {
    return ((await stat(file)).mode & 0o600) === 0o600;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function offeredByV1(record: CgroupRecord): Promise<OfferedKnobs> {
  const controllers = new Set(Object.keys(record.paths));
  const filesOf = new Map<string, ReadonlySet<string>>();
  for (const [controller, folder] of Object.entries(record.paths)) filesOf.set(controller, await filesIn(folder));
  const there = (name: string) => isThere(1, name, filesOf.get(controllerKey(1, name)) ?? new Set());
  const known = new Set<string>(listedKnobs.map(({ name }) => name).filter(there));
  // v1 gets no new files, so only what is known to be a limit is one; huge pages have as many as the machine has sizes.
  const unknown = [...filesOf.values()].flatMap((files) => [...files].flatMap((file) => knobOfV1File(file) ?? []));
  return { known, unknown: [...new Set(unknown)].sort(), controllers };
}

function isThere(version: 1 | 2, name: string, files: ReadonlySet<string>): boolean {
  return knobFiles(version, name).some((form) => files.has(form.files[0] ?? ''));
}

async function filesIn(folder: string): Promise<ReadonlySet<string>> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return new Set(entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENOTDIR') return new Set();
    throw error;
  }
}

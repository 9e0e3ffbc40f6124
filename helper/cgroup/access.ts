import { constants } from 'node:fs';
import { access as checkAccess, readdir, readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import * as path from 'node:path';
import { hasUserManager } from '../zygote/launch.js';
import { readCgroupFile } from './file.js';
import { findHierarchies, type Hierarchy } from './hierarchies.js';
import { type V1Controller, v1Controllers } from './record.js';
import {
  type CgroupNotice,
  neededControllers,
  neededV1Controllers,
  noCgroups,
  readOnlyCgroups,
  unknownController,
  v1NotDelegated,
  v1PartlyDelegated,
  v2Controllers,
  v2NotDelegated,
  v2PartlyDelegated,
} from './remedy.js';

/** Where this user may make cgroups. */
export type CgroupAccess =
  | {
      mode: 'v2';
      /** Containers' cgroups are made here. */
      parent: string;
      /** Controllers that a child of `parent` has, or will have after `prepareDelegation`. */
      controllers: string[];
      notice?: CgroupNotice;
      /** Why a controller is not among them and how to have it, by its name. */
      absent?: Absences;
    }
  | {
      mode: 'v1';
      /** For each controller the folder containers' cgroups are made in. */
      parents: Partial<Record<V1Controller, string>>;
      notice?: CgroupNotice;
      absent?: Absences;
    }
  | ({ mode: 'none' } & CgroupNotice);

/** Controllers that are not there, by name: why, and how to have them. */
export type Absences = Readonly<Record<string, CgroupNotice>>;

/** The leaf that the zygote and the monitors stay in, beside the containers. */
export const zygoteLeaf = 'zygote';

/** What detection asks of the machine; tests give it a folder of files. */
export interface CgroupMachine {
  /** Folder that /proc and the mount points are looked up in: `/`, or a test's. */
  root: string;
  uid: number;
  user: string;
  /** May this user write here: access(2), which also tells of read-only mounts. */
  canWrite(file: string): Promise<boolean>;
  /** There is a systemd of the user's to ask for a cgroup. */
  userManager: boolean;
  /** What it said when it was asked in vain. */
  refusal?: string | undefined;
}

/** This machine and this user. @param refusal what systemd said when it was asked for a cgroup in vain */
export function thisMachine(refusal?: string): CgroupMachine {
  const { uid, username } = userInfo();
  return {
    root: '/',
    uid,
    user: username,
    userManager: hasUserManager(process.env),
    refusal,
    canWrite: (file) =>
      checkAccess(file, constants.W_OK).then(
        () => true,
        () => false,
      ),
  };
}

/**
 * Finds where containers' cgroups can be made, seen from the zygote, since its children are born there. Changes nothing:
 * see `prepareDelegation`. On hybrid machines the version that has the controllers wins.
 * Throws when the zygote is gone (ENOENT).
 */
export async function detectCgroupAccess(
  zygotePid: number,
  machine: CgroupMachine = thisMachine(),
): Promise<CgroupAccess> {
  const proc = path.join(machine.root, 'proc', String(zygotePid));
  const [groups, mountinfo] = await Promise.all([
    readFile(path.join(proc, 'cgroup'), 'utf8'),
    readFile(path.join(proc, 'mountinfo'), 'utf8'),
  ]);
  const hierarchies = findHierarchies(groups, mountinfo).map((hierarchy) => ({
    ...hierarchy,
    folder: path.join(machine.root, hierarchy.folder),
    mountPoint: path.join(machine.root, hierarchy.mountPoint),
  }));
  if (hierarchies.length === 0) return { mode: 'none', ...noCgroups() };
  const unified = hierarchies.find((hierarchy) => hierarchy.version === 2);
  const v2 = unified === undefined ? undefined : await detectV2(unified, machine);
  if (v2 !== undefined && neededControllers.some((name) => v2.controllers.includes(name))) return v2;
  const legacy = hierarchies.filter(
    ({ version, controllers }) => version === 1 && v1Controllers.some((name) => controllers.includes(name)),
  );
  const v1 = await detectV1(legacy, machine);
  if (v1 !== undefined) return v1;
  // Without a controller v2 still counts, freezes and kills.
  if (v2 !== undefined) return v2;
  const locked = [...(unified === undefined ? [] : [unified]), ...legacy].filter(({ readOnly }) => readOnly);
  if (locked.length > 0) {
    return { mode: 'none', ...readOnlyCgroups(locked.map(({ mountPoint }) => shown(mountPoint, machine))) };
  }
  if (legacy.length > 0) {
    const folders = legacy.map(({ folder }) => shown(folder, machine).replace(/\/$/, ''));
    return { mode: 'none', ...v1NotDelegated(folders, machine.user) };
  }
  const systemd = (await exists(path.join(machine.root, 'run/systemd/system'))) ? machine : undefined;
  return { mode: 'none', ...v2NotDelegated(shown(unified?.folder ?? '/', machine), systemd) };
}

type V2Access = Extract<CgroupAccess, { mode: 'v2' }>;

async function detectV2(hierarchy: Hierarchy, machine: CgroupMachine): Promise<V2Access | undefined> {
  if (hierarchy.readOnly) return undefined;
  for (const parent of candidates(hierarchy)) {
    const files = [parent, path.join(parent, 'cgroup.procs'), path.join(parent, 'cgroup.subtree_control')];
    const writable = await Promise.all(files.map((file) => machine.canWrite(file)));
    if (writable.includes(false)) continue;
    const { mountPoint } = hierarchy;
    const [controllers = [], all = []] = await Promise.all(
      [parent, mountPoint].map(async (folder) => words(await readCgroupFile(path.join(folder, 'cgroup.controllers')))),
    );
    const absent = (names: readonly string[]): CgroupNotice =>
      // A mount that shows only a part of the hierarchy has no controllers at its top that could be compared.
      all.length > 0 && !names.some((name) => all.includes(name))
        ? unknownController(names)
        : v2PartlyDelegated(names, shown(parent, machine), shown(mountPoint, machine));
    return { mode: 'v2', parent, controllers, ...absences(controllers, v2Controllers, neededControllers, absent) };
  }
  return undefined;
}

/**
 * The group the zygote is in and, when it has been moved into its leaf, the one above. Slices and systemd's own service
 * for users are passed over: below those only systemd may make groups.
 */
function candidates({ folder, mountPoint }: Hierarchy): string[] {
  const above = path.dirname(folder);
  const inLeaf = path.basename(folder) === zygoteLeaf && folder !== mountPoint;
  return (inLeaf ? [above] : [folder]).filter((group) => !/^(.*\.slice|user@\d+\.service)$/.test(path.basename(group)));
}

type V1Access = Extract<CgroupAccess, { mode: 'v1' }>;

async function detectV1(legacy: readonly Hierarchy[], machine: CgroupMachine): Promise<V1Access | undefined> {
  const parents: V1Access['parents'] = {};
  /** For each controller the folder that the user is in: below it a group could be delegated. */
  const mounted = new Map<string, string>();
  for (const hierarchy of legacy) {
    const names = v1Controllers.filter((name) => hierarchy.controllers.includes(name));
    for (const name of names) mounted.set(name, shown(hierarchy.folder, machine).replace(/\/$/, ''));
    const parent = hierarchy.readOnly ? undefined : await findOwned(hierarchy.folder, machine);
    if (parent === undefined || (names.includes('cpuset') && !(await hasCpus(parent)))) continue;
    for (const name of names) parents[name] = parent;
  }
  if (Object.keys(parents).length === 0) return undefined;
  const absent = (names: readonly string[]): CgroupNotice => {
    const folders = new Set(names.flatMap((name) => mounted.get(name) ?? []));
    return folders.size === 0 ? unknownController(names) : v1PartlyDelegated(names, [...folders], machine.user);
  };
  return { mode: 'v1', parents, ...absences(Object.keys(parents), v1Controllers, neededV1Controllers, absent) };
}

/** Needed controllers that are not there are told of together, unasked; each of the others when it is asked for. Pure. */
function absences(
  present: readonly string[],
  all: readonly string[],
  needed: readonly string[],
  explain: (names: readonly string[]) => CgroupNotice,
): { notice?: CgroupNotice; absent?: Absences } {
  const missing = all.filter((name) => !present.includes(name));
  const missed = needed.filter((name) => missing.includes(name));
  return {
    ...(missed.length === 0 ? {} : { notice: explain(missed) }),
    ...(missing.length === 0 ? {} : { absent: Object.fromEntries(missing.map((name) => [name, explain([name])])) }),
  };
}

/** A group of cpuset that nobody gave CPUs and memory nodes cannot be joined (ENOSPC), nor can those below it. */
async function hasCpus(folder: string): Promise<boolean> {
  const files = ['cpuset.cpus', 'cpuset.mems'].map((file) => readCgroupFile(path.join(folder, file)));
  return (await Promise.all(files)).every((text) => text !== undefined && text !== '');
}

/** How far below the caller's group an administrator's group for the user is looked for. */
const searchDepth = 3;

/** The caller's own group when it may write there, else the nearest group below that belongs to the user. */
async function findOwned(folder: string, machine: CgroupMachine): Promise<string | undefined> {
  if (await isParent(folder, machine)) return folder;
  let level = [folder];
  for (let depth = 0; depth < searchDepth; depth++) {
    const below = (await Promise.all(level.map(foldersIn))).flat().sort(oursFirst);
    for (const candidate of below) {
      const owner = await stat(candidate).then(
        (found) => found.uid,
        // Removed since it was listed.
        () => undefined,
      );
      if (owner === machine.uid && (await isParent(candidate, machine))) return candidate;
    }
    level = below;
  }
  return undefined;
}

async function isParent(folder: string, machine: CgroupMachine): Promise<boolean> {
  return (await machine.canWrite(folder)) && (await machine.canWrite(path.join(folder, 'cgroup.procs')));
}

function oursFirst(a: string, b: string): number {
  const rank = (folder: string): number => (path.basename(folder).startsWith('terrarium') ? 0 : 1);
  return rank(a) - rank(b) || a.localeCompare(b);
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => path.join(folder, entry.name));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // Not ours to read, or gone since it was listed: nothing in there is ours either.
    if (code === 'EACCES' || code === 'ENOENT') return [];
    throw error;
  }
}

/** A path as the person knows it, without a test's root. */
function shown(folder: string, machine: CgroupMachine): string {
  return path.join('/', path.relative(machine.root, folder));
}

/** Words of a file such as cgroup.controllers. */
export function words(text: string | undefined): string[] {
  return text ? text.split(' ') : [];
}

async function exists(file: string): Promise<boolean> {
  return checkAccess(file).then(
    () => true,
    () => false,
  );
}

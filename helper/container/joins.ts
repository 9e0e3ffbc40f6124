/** Whose namespaces a container that starts joins: looked up anew at each start, and held against what the kernel takes. */
import { bootId } from '../inspect/boot.js';
import { readIdMap } from '../inspect/idmap.js';
import { linkNames, namespaceTypes, readNamespace, readNamespaces } from '../inspect/namespaces.js';
import { isDenied } from '../inspect/proc.js';
import { isAlive, processIdentity } from '../inspect/stat.js';
import { readRelations } from '../namespaces/relations.js';
import type { Join } from '../plan/containerPlan.js';
import {
  type ContainerSpecification,
  ErrorCode,
  type NamespaceInodes,
  type NamespaceReference,
  type oci,
  type ProcessIdentity,
  terrariumError,
} from '../protocol/index.js';
import { isJoined, namespaceChoices } from '../specification/namespaces.js';
import type { IdMaps } from './foreignIds.js';
import type { Machine } from './machine.js';
import type { ContainerRecord } from './record.js';
import { readLatestRun } from './runs.js';

/** Processes that were named when a container was made: by then a pid meant one of them. */
export interface NamedProcesses {
  bootId: string;
  processes: ProcessIdentity[];
}

export interface FoundJoins {
  joins: Join[];
  /** Types that the others share with this machine themselves: joining them is to share them, too. */
  shared: oci.NamespaceType[];
  /**
   * Who has the user namespace to be joined, when that is not below Terrarium's own: then only a process in it has a say over
   * it, and makes the container. Its ids are told as this machine has them.
   */
  foreign?: { process: ProcessIdentity } & IdMaps;
}

interface Target {
  reference: NamespaceReference;
  process: ProcessIdentity;
  inodes: NamespaceInodes;
  types: oci.NamespaceType[];
}

/** Finds the processes that a specification names. @throws NotFound, Unavailable for those of others */
export function nameProcesses(specification: ContainerSpecification): NamedProcesses | undefined {
  const pids = new Set(
    referencesOf(specification).flatMap(([, choice]) => ('process' in choice ? choice.process : [])),
  );
  if (pids.size === 0) return undefined;
  const processes = [...pids].map((pid) => {
    const found = processIdentity(pid);
    if (found === undefined) throw gone(`process ${pid}`);
    namespacesOf({ process: pid }, found);
    return found;
  });
  return { bootId: bootId(), processes };
}

/**
 * The processes whose namespaces are joined, each with the types.
 * @throws NotFound, WrongState for who does not run; Unavailable for what the kernel would refuse
 */
export async function findJoins(machine: Machine, record: ContainerRecord): Promise<FoundJoins> {
  const targets = await findTargets(machine, record);
  if (targets.length === 0) return { joins: [], shared: [] };
  const ours = readNamespaces('self') ?? {};
  const isShared = ({ inodes }: Target, type: oci.NamespaceType) => inodes[type] === ours[type];
  const shared = targets.flatMap((target) => target.types.filter((type) => isShared(target, type)));
  if (shared.includes('user')) throw noUserNamespace(targets.find(({ types }) => types.includes('user')));
  const joined = targets.flatMap((target) => {
    const types = target.types.filter((type) => !isShared(target, type));
    return types.length === 0 ? [] : [{ ...target, types }];
  });
  const zygote = readNamespace(await machine.zygote.pid(), 'user');
  const userOf = joined.find(({ types }) => types.includes('user'));
  const isForeign = userOf !== undefined && !isWithin(userOf, 'user', zygote);
  const base = isForeign ? userOf.inodes.user : zygote;
  for (const target of joined) {
    for (const type of target.types) if (!isWithin(target, type, base)) throw outOfReach(target, type);
  }
  if (isForeign) checkSight(userOf, record, ours);
  const joins = joined.flatMap(({ process, types }) => {
    const left = isForeign ? types.filter((type) => type !== 'user') : types;
    return left.length === 0 ? [] : [{ process, types: left }];
  });
  return { joins, shared, ...(isForeign ? { foreign: { process: userOf.process, ...mapsOf(userOf) } } : {}) };
}

function referencesOf(specification: ContainerSpecification): [oci.NamespaceType, NamespaceReference][] {
  const choices = namespaceChoices(specification);
  return namespaceTypes.flatMap((type) => {
    const choice = choices[type];
    return isJoined(choice) ? [[type, choice]] : [];
  });
}

async function findTargets(machine: Machine, record: ContainerRecord): Promise<Target[]> {
  const found = new Map<string, Target>();
  for (const [type, reference] of referencesOf(record.specification)) {
    const key = JSON.stringify(reference);
    const known = found.get(key);
    if (known !== undefined) {
      known.types.push(type);
      continue;
    }
    const process = await processOf(machine, record, reference);
    found.set(key, { reference, process, inodes: namespacesOf(reference, process), types: [type] });
  }
  return [...found.values()];
}

async function processOf(
  machine: Machine,
  { named }: ContainerRecord,
  reference: NamespaceReference,
): Promise<ProcessIdentity> {
  if ('process' in reference) {
    const identity = named?.processes.find(({ pid }) => pid === reference.process);
    if (identity !== undefined && named?.bootId === bootId() && isAlive(identity)) return identity;
    throw gone(nameOf(reference));
  }
  const other = await machine.store.find(reference.container);
  const runtime = readLatestRun(machine.store, other.id)?.runtime;
  if (runtime !== undefined && isAlive(runtime.init)) return runtime.init;
  throw terrariumError(ErrorCode.WrongState, `${other.name}, whose namespaces are to be joined, is not running`, {
    fix: 'Start it first.',
    command: `terrarium start ${other.name}`,
  });
}

function namespacesOf(reference: NamespaceReference, process: ProcessIdentity): NamespaceInodes {
  let inodes: NamespaceInodes | undefined;
  try {
    inodes = readNamespaces(process.pid);
  } catch (error) {
    if (!isDenied(error)) throw error;
    throw terrariumError(ErrorCode.Unavailable, `The namespaces of ${nameOf(reference)} cannot be joined`, {
      cause: 'It is another user’s: the kernel shows its namespaces to that one only.',
      fix: 'Choose a process of your own.',
      command: 'terrarium namespaces',
    });
  }
  // Whose they were is known only afterwards.
  if (inodes === undefined || !isAlive(process)) throw gone(nameOf(reference));
  return inodes;
}

/** Whether a namespace belongs to that user namespace, or to one below it. */
function isWithin({ process, inodes }: Target, type: oci.NamespaceType, user: number | undefined): boolean {
  const related = readRelations(type, inodes[type] ?? 0, `/proc/${process.pid}/ns/${linkNames[type]}`) ?? [];
  return user !== undefined && related.some((one) => one.type === 'user' && one.inode === user);
}

/**
 * In a foreign user namespace our own processes have the ids, and no more capabilities, than those who are there: who sees
 * them could trace them, and so reach what is this user's. A process that is in no other root could do so anyway.
 */
function checkSight({ reference, inodes }: Target, { specification }: ContainerRecord, ours: NamespaceInodes): void {
  const isConfined = inodes.mount !== ours.mount;
  if (namespaceChoices(specification).pid !== 'host' && !(isConfined && inodes.pid === ours.pid)) return;
  throw terrariumError(ErrorCode.Unavailable, `The user namespace of ${nameOf(reference)} cannot be joined`, {
    cause:
      'Processes in it would see those that make the container, which work in this machine’s own root, and could take them over: it is not Terrarium’s, and it or the container has this machine’s pid namespace.',
    fix: 'Choose new pid and user namespaces for the container.',
  });
}

function mapsOf({ reference, process }: Target): IdMaps {
  const [uidMappings, gidMappings] = [readIdMap(process.pid, 'uid'), readIdMap(process.pid, 'gid')];
  if (uidMappings === undefined || gidMappings === undefined) throw gone(nameOf(reference));
  const hasRoot = (map: oci.IdMapping[]) => map.some(({ containerID }) => containerID === 0);
  if (hasRoot(uidMappings) && hasRoot(gidMappings)) return { uidMappings, gidMappings };
  throw terrariumError(ErrorCode.Unavailable, `The user namespace of ${nameOf(reference)} has no root`, {
    cause: 'Id 0 is not mapped in it, and a container is made by its root.',
    fix: 'Choose a user namespace that maps root, as unshare --map-root-user makes it.',
  });
}

function nameOf(reference: NamespaceReference): string {
  return 'process' in reference ? `process ${reference.process}` : reference.container;
}

function gone(name: string): Error {
  return terrariumError(ErrorCode.NotFound, `There is no ${name} to join namespaces of`, {
    cause: 'It has ended. Another process may have its pid by now, which is not the one that was meant.',
    fix: 'Make a new container that names a process that runs.',
    command: 'terrarium namespaces',
  });
}

function noUserNamespace(target: Target | undefined): Error {
  const name = target === undefined ? 'it' : nameOf(target.reference);
  return terrariumError(ErrorCode.Unavailable, `The user namespace of ${name} is this machine’s own`, {
    cause: 'In it an ordinary user has no capability, and can make no other namespace.',
    fix: 'Choose a new user namespace.',
  });
}

function outOfReach({ reference }: Target, type: oci.NamespaceType): Error {
  const name = nameOf(reference);
  return terrariumError(ErrorCode.Unavailable, `The ${type} namespace of ${name} cannot be joined`, {
    cause:
      'It belongs to a user namespace that is neither Terrarium’s own nor one below it: only who is in that one has the CAP_SYS_ADMIN over it that setns(2) asks for.',
    fix: `${
      'container' in reference ? `Restart ${name} if it was started before Terrarium was updated. Else join` : 'Join'
    } its user namespace as well ("user": ${JSON.stringify(reference)}), or choose a new one.`,
  });
}

/** Types that a process that is to be in the container has to enter: what its zygote is in as well is no other's. */
export function namespacesToEnter(init: ProcessIdentity, monitor: ProcessIdentity): oci.NamespaceType[] {
  const theirs = readNamespaces(init.pid) ?? {};
  const ours = { ...readNamespaces('self'), user: readNamespace(monitor.pid, 'user') };
  return namespaceTypes.filter((type) => theirs[type] !== undefined && theirs[type] !== ours[type]);
}

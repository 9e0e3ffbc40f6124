import * as path from 'node:path/posix';
import { ResponseError } from 'vscode-jsonrpc';
import { readMounts } from '../inspect/mountinfo.js';
import { addMountPlan, type MountTarget, removeMountPlan } from '../plan/mountPlan.js';
import type { Plan } from '../plan/step.js';
import {
  type AddMountParams,
  ErrorCode,
  type MountInfo,
  type oci,
  type RemoveMountParams,
  type TerrariumError,
  terrariumError,
} from '../protocol/index.js';
import { userMounts } from '../specification/complete.js';
import { parseSpecification } from '../specification/schema.js';
import { stepFailure } from './failure.js';
import { keepLedger, listOperations } from './ledgers.js';
import type { Machine } from './machine.js';
import { type MountRecord, readAddedMounts, writeAddedMounts } from './mountRecord.js';
import { realPath } from './mountSources.js';
import { newMount, plainDestination, withMount, withOrigins, withoutMount } from './mountTable.js';
import type { ContainerRecord } from './record.js';
import { type LiveRun, liveRun } from './stop.js';
import { keepingVolumes, volumeAsBind, volumesOf } from './volumes.js';

/** The mounts of a running container, as the kernel has them and with whose they are. @throws WrongState */
export function mountsOf(record: ContainerRecord, run: LiveRun): MountInfo[] {
  return withOrigins(tableOf(record, run), record, readAddedMounts(run.folder));
}

/**
 * Mounts something in a running container, and with `keep` at later starts. The caller holds the container's lock.
 * @throws Invalid, WrongState, StepFailed: then nothing is mounted, and nothing kept
 */
export async function addMount(
  machine: Machine,
  record: ContainerRecord,
  { mount, keep = false }: Omit<AddMountParams, 'container'>,
): Promise<MountInfo | null> {
  const asked = checked(mount);
  const whole = carriedOut(machine, asked);
  const run = liveRun(machine, record);
  if (run === undefined && !keep) throw notRunning(record, `terrarium mount --keep ${record.name} …`);
  const destination = plainDestination(asked.destination);
  const isKept = (record.specification.mounts ?? []).some(
    (other) => plainDestination(other.destination) === destination,
  );
  if (keep && isKept) throw taken(record, destination);
  if (run !== undefined && tableOf(record, run).some((other) => other.destination === destination)) {
    throw taken(record, destination);
  }
  return keepingVolumes(machine, volumesOf([asked]), async () => {
    if (keep) await machine.store.save(withMount(record, asked, whole));
    if (run === undefined) return null;
    try {
      return await mountInside(machine, record, run, { asked, whole });
    } catch (error) {
      if (keep) await machine.store.save(record);
      throw error;
    }
  });
}

/**
 * Unmounts what was asked for, at the start or since, and with `keep` at later starts too. The caller holds the
 * container's lock. @throws NotFound, WrongState, StepFailed
 */
export async function removeMount(
  machine: Machine,
  record: ContainerRecord,
  params: Omit<RemoveMountParams, 'container'>,
): Promise<void> {
  const destination = plainDestination(params.destination);
  const { keep = false } = params;
  const run = liveRun(machine, record);
  const isKept = (record.specification.mounts ?? []).some(
    (mount) => plainDestination(mount.destination) === destination,
  );
  if (run === undefined && !keep) throw notRunning(record, `terrarium umount --keep ${record.name} …`);
  const found = run === undefined ? undefined : findMounted(record, run, destination);
  if (found === undefined && !(keep && isKept)) {
    throw terrariumError(ErrorCode.NotFound, `Nothing is mounted on ${destination} in ${record.name}`, {
      path: destination,
      fix: 'Look at its mounts.',
      command: `terrarium mounts ${record.name}`,
    });
  }
  if (run !== undefined && found !== undefined) await unmountInside(machine, record, run, found);
  if (keep && isKept) await machine.store.save(withoutMount(record, destination));
}

/** What is mounted at a destination, as asked for or as the kernel has it. @throws WrongState when it is not to be removed */
function findMounted(record: ContainerRecord, run: LiveRun, destination: string): MountInfo | undefined {
  const table = mountsOf(record, run);
  const added = readAddedMounts(run.folder).mounts.find(
    ({ mount }) => plainDestination(mount.destination) === destination,
  );
  const there = table.filter((mount) => mount.destination === destination);
  const found = table.find(({ id }) => id === added?.id) ?? there.find(({ origin }) => origin !== undefined);
  if (found !== undefined || there.length === 0) return found;
  const ofEvery = destination === '/' || record.config.mounts.some((mount) => mount.destination === destination);
  throw terrariumError(
    ErrorCode.WrongState,
    `What is mounted on ${destination} in ${record.name} is not yours to remove`,
    {
      path: destination,
      cause: ofEvery
        ? 'It is part of what makes the container one: it hides what the machine has there.'
        : 'It came along with something else, or a process inside has mounted it.',
      fix: 'Only what was asked for, when the container was made or since, is removed. What a process inside has mounted can be unmounted there.',
    },
  );
}

/** @throws Invalid */
function checked(mount: oci.Mount): oci.Mount {
  const [asked] = parseSpecification({ mounts: [mount] }).mounts ?? [];
  const invalid = (message: string, fix: string) => terrariumError(ErrorCode.Invalid, message, { fix });
  if (asked === undefined) throw invalid('There is nothing to mount', 'Say what.');
  if (plainDestination(asked.destination) === '/') {
    throw invalid('The root of a container that exists cannot be covered', 'Choose a folder in it.');
  }
  const isBind = asked.type === 'bind' || (asked.type === undefined && asked.source !== undefined);
  if (isBind && !path.isAbsolute(asked.source ?? '')) {
    throw invalid(`The source ${JSON.stringify(asked.source)} is no absolute path`, 'Begin it with a slash.');
  }
  return asked;
}

/** With all that is added to what was asked for: nosuid, nodev, the folder of a volume, no link in a source. */
function carriedOut(machine: Machine, asked: oci.Mount): oci.Mount {
  const [mount = asked] = userMounts({ mounts: [asked] });
  const whole = volumeAsBind(machine.locations, mount);
  return whole.type === 'bind' && whole.source !== undefined ? { ...whole, source: realPath(whole.source) } : whole;
}

async function mountInside(
  machine: Machine,
  record: ContainerRecord,
  run: LiveRun,
  { asked, whole }: { asked: oci.Mount; whole: oci.Mount },
): Promise<MountInfo> {
  const before = tableOf(record, run);
  await carryOut(machine, record, run, {
    what: `${whole.type === 'bind' ? whole.source : whole.type} could not be mounted in ${record.name}`,
    name: 'mount',
    plan: addMountPlan(targetOf(record, run), whole),
  });
  const made = newMount(before, tableOf(record, run));
  if (made === undefined) throw ended(record);
  const since = readAddedMounts(run.folder);
  const changed: MountRecord = { ...since, mounts: [...since.mounts, { id: made.id, mount: asked }] };
  await writeAddedMounts(run.folder, changed);
  return { ...made, origin: 'added' };
}

async function unmountInside(machine: Machine, record: ContainerRecord, run: LiveRun, mount: MountInfo): Promise<void> {
  await carryOut(machine, record, run, {
    what: `${mount.destination} could not be unmounted in ${record.name}`,
    name: 'unmount',
    plan: removeMountPlan(targetOf(record, run), mount),
  });
  const { mounts, removed } = readAddedMounts(run.folder);
  await writeAddedMounts(run.folder, {
    mounts: mounts.filter(({ id }) => id !== mount.id),
    removed: mount.origin === 'specification' ? [...removed, mount.destination] : removed,
  });
}

/** Has the zygote that started the container carry out a plan in it, and keeps the ledger. @throws StepFailed */
async function carryOut(
  machine: Machine,
  record: ContainerRecord,
  run: LiveRun,
  { what, name, plan }: { what: string; name: string; plan: Plan },
): Promise<void> {
  const folder = machine.store.folder(record.id, 'ledgers');
  const exchange = await machine.zygote.carryOutBy(run.runtime, plan).catch((error: unknown) => {
    throw isUnanswered(error) ? unanswered(what) : error;
  });
  const operation = await nextOperation(folder, name);
  const keeping = keepLedger(folder, operation, exchange, (error) => {
    machine.log(`the ledger of ${operation} was not kept: ${String(error)}`);
  });
  // Under the lock: the next one takes the next number.
  await keeping;
  if (exchange.answer.status !== 'failed') return;
  throw await stepFailure(machine, what, plan, exchange.answer, { container: record.id, operation });
}

/** The answer ended before it began: see docs/stage.md. */
function isUnanswered(error: unknown): boolean {
  return error instanceof ResponseError && error.code === ErrorCode.Internal;
}

function unanswered(what: string): TerrariumError {
  return terrariumError(ErrorCode.StepFailed, `${what}: no answer within 10 s`, {
    errno: 'ETIMEDOUT',
    cause: 'A path leads to a file system that does not answer, of a program inside or of a server that is away.',
    fix: 'Choose another path, or see to that file system.',
  });
}

/** `mount-3` after `mount-2`. */
async function nextOperation(folder: string, name: string): Promise<string> {
  const numbers = (await listOperations(folder)).flatMap(({ operation }) => {
    const number = new RegExp(`^${name}-(\\d+)$`).exec(operation)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
  return `${name}-${Math.max(0, ...numbers) + 1}`;
}

function targetOf(record: ContainerRecord, run: LiveRun): MountTarget {
  return {
    init: run.runtime.init,
    chroot: record.specification.chroot === true ? record.config.root.path : undefined,
  };
}

function tableOf(record: ContainerRecord, run: LiveRun): MountInfo[] {
  const table = readMounts(run.runtime.init.pid);
  if (table === undefined) throw ended(record);
  return table;
}

function ended(record: ContainerRecord): TerrariumError {
  return terrariumError(ErrorCode.WrongState, `${record.name} has just ended`);
}

function taken(record: ContainerRecord, destination: string): TerrariumError {
  return terrariumError(ErrorCode.WrongState, `Something is mounted on ${destination} in ${record.name} already`, {
    path: destination,
    fix: 'Choose another destination, or remove that mount first.',
    command: `terrarium umount ${record.name} ${destination}`,
  });
}

function notRunning(record: ContainerRecord, command: string): TerrariumError {
  return terrariumError(ErrorCode.WrongState, `${record.name} is not running`, {
    fix: 'Start it first, or ask for the change to be kept: then later starts have it.',
    command,
  });
}

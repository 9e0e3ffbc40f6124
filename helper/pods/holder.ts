/**
 * The process that holds a pod's namespaces. Each monitor of a container in the pod has the lease in its folder locked, and
 * the holder ends when nobody has: with the last of them, however that one ended and whether a helper runs or not.
 */
import { promises as fs, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { z } from 'zod';
import { stepFailure } from '../container/failure.js';
import {
  awaitEnd,
  holderFolder as folderOf,
  keepHolder,
  readHolder,
  sharingHolderSchema,
} from '../container/holder.js';
import type { Locations } from '../container/locations.js';
import type { Machine } from '../container/machine.js';
import { signalUnlessEnded } from '../container/standStill.js';
import { leaseFile } from '../files/lease.js';
import { bootId } from '../inspect/boot.js';
import { isEnding } from '../inspect/stat.js';
import { forgetLinkShape } from '../network/linkRecord.js';
import type { Connection } from '../plan/networkSteps.js';
import { podHolderPlan } from '../plan/podSteps.js';
import type { ContainerSpecification, ProcessIdentity } from '../protocol/index.js';
import { findPod, type PodRecord } from './store.js';

const holderSchema = sharingHolderSchema.extend({
  /** Its monitor is in the namespace of the pod's named network. */
  connected: z.boolean(),
  /** Of the pod's link, the end that is the network's; a holder that takes over has it from the one before. */
  port: z.string().exactOptional(),
});
export type PodHolder = z.infer<typeof holderSchema>;

/** Where the holder's records are, and those of the pod's published ports. */
export const holderFolder = (locations: Locations, pod: string): string => folderOf(locations, 'pod', pod);

/** The holder that is there, and will be as long as somebody has its lease; undefined when there is none. */
export function liveHolder(locations: Locations, pod: string): PodHolder | undefined {
  const holder = readHolder(holderFolder(locations, pod), holderSchema);
  return holder === undefined || isEnding(holder.init) ? undefined : holder;
}

/** The holder, if it is there, of a pod that this container has its network from: ports are published for all in it. */
export function networkHolder(
  locations: Locations,
  { pod: name }: Pick<ContainerSpecification, 'pod'>,
): PodHolder | undefined {
  const pod = name === undefined ? undefined : findPod(locations, name);
  return pod?.shares.includes('network') === true ? liveHolder(locations, pod.name) : undefined;
}

/** How a holder comes to its namespaces. */
export type HolderStart =
  /** It makes them. */
  | { kind: 'new'; connection: Connection | undefined }
  /** It takes over from one that was killed: a container of the pod has them still. */
  | { kind: 'rejoin'; target: ProcessIdentity };

/**
 * Starts one. The caller has the lock of pods and the lease, and has seen that there is none.
 * @throws StepFailed; then nothing is left
 */
export async function startHolder(machine: Machine, pod: PodRecord, start: HolderStart): Promise<PodHolder> {
  const folder = holderFolder(machine.locations, pod.name);
  await ended(machine.locations, pod.name);
  const port = start.kind === 'new' ? start.connection?.port : readHolder(folder, holderSchema)?.port;
  if (start.kind === 'new') await forgetLinkShape(folder);
  const plan = podHolderPlan({
    // Beside the folder: that it goes is seen by those who watch for sockets.
    place: { folder, socket: `${folder}.sock`, lease: leaseFile(folder) },
    shares: pod.shares,
    ownNetwork: pod.network?.kind !== 'host',
    hostname: pod.hostname,
    start,
  });
  const { answer } = await machine.zygote.carryOut(plan);
  if (answer.status === 'failed') {
    throw await stepFailure(machine, `The namespaces of the pod ${pod.name} could not be made`, plan, answer);
  }
  const holder: PodHolder = {
    bootId: bootId(),
    init: { pid: answer.pid, startTime: answer.startTime },
    monitor: { pid: answer.monitorPid, startTime: answer.monitorStartTime },
    zygotePid: await machine.zygote.pid(),
    connected: start.kind === 'new' && start.connection !== undefined,
    ...(port === undefined ? {} : { port }),
  };
  await keepHolder(folder, holder);
  return holder;
}

/** Makes the folder of a pod's holder, and of its lease. */
export function makeHolderFolder(locations: Locations, pod: string): string {
  const folder = holderFolder(locations, pod);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Waits until the last holder and its monitor are gone, which write to the same folder. @throws WrongState */
async function ended(locations: Locations, pod: string): Promise<void> {
  const holder = readHolder(holderFolder(locations, pod), holderSchema);
  if (holder === undefined) return;
  await awaitEnd(holder, {
    message: `The process that held the pod ${pod} does not end`,
    fix: `Look at process ${holder.init.pid}, and at its parent.`,
    command: `kill -9 ${holder.init.pid}`,
  });
}

/** Ends it, if it is there, and removes what it left. No container of the pod runs. @throws WrongState when it does not end */
export async function removeHolder(locations: Locations, pod: string): Promise<void> {
  const holder = liveHolder(locations, pod);
  // It waits for its lease with all signals blocked.
  if (holder !== undefined) signalUnlessEnded(holder.init, constants.signals.SIGKILL);
  await ended(locations, pod);
  await fs.rm(holderFolder(locations, pod), { recursive: true, force: true });
}

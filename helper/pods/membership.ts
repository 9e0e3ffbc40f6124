/** Containers of pods: at their start they join the namespaces that the pod's holder has. */
import { closeSync } from 'node:fs';
import type { Machine } from '../container/machine.js';
import { liveRun } from '../container/stop.js';
import { share } from '../files/lease.js';
import { podEndpoint } from '../network/endpoints.js';
import { joinNetwork, namesChanged } from '../network/membership.js';
import { ErrorCode, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import { liveHolder, makeHolderFolder, type PodHolder, startHolder } from './holder.js';
import { containersOf } from './members.js';
import { publishMissing } from './ports.js';
import { lockedPods, type PodRecord, readPod } from './store.js';

/** What a container that starts in a pod gets of it. */
export interface PodPlace {
  pod: PodRecord;
  /** Has the namespaces that are shared. */
  holder: ProcessIdentity;
  /** Folder of the lease that the container's monitor is to have, for the holder to stay. */
  folder: string;
}

/**
 * Runs `work`, which starts a container of the pod, while the pod's holder is there: started now for the first one. When
 * nothing came of it, a holder that no other container needs ends.
 * @throws NotFound, WrongState, StepFailed; Invalid and others for the pod's network and ports
 */
export async function inPod<T>(machine: Machine, name: string, work: (place: PodPlace) => Promise<T>): Promise<T> {
  const { lease, ...place } = await lockedPods(machine.locations, () => enter(machine, name));
  try {
    return await work(place);
  } finally {
    closeSync(lease);
  }
}

async function enter(machine: Machine, name: string): Promise<PodPlace & { lease: number }> {
  const pod = readPod(machine.locations, name);
  const folder = makeHolderFolder(machine.locations, name);
  // A holder that had its lease for itself is on its way out: this waits until it has given it back, ended.
  const lease = await share(folder, `the pod ${name}`);
  try {
    const holder = await readyHolder(machine, pod);
    await publishMissing(machine, pod, holder);
    return { pod, holder: holder.init, folder, lease };
  } catch (error) {
    closeSync(lease);
    throw error;
  }
}

/** The caller has the lock of pods, and the lease. */
async function readyHolder(machine: Machine, pod: PodRecord): Promise<PodHolder> {
  const zygote = await machine.zygote.pid();
  const holder = liveHolder(machine.locations, pod.name);
  if (holder?.zygotePid === zygote) return holder;
  const containers = containersOf(await machine.store.list(), pod.name);
  const runs = containers.flatMap((container) => liveRun(machine, container) ?? []);
  if (holder === undefined && runs.length === 0) {
    const endpoint = podEndpoint(machine, pod, containers);
    const connection = endpoint === undefined ? undefined : await joinNetwork(machine, endpoint);
    return startHolder(machine, pod, { kind: 'new', connection });
  }
  // The holder was killed: the namespaces are where they were.
  const run = runs.find(({ runtime }) => holder === undefined && runtime.zygotePid === zygote);
  if (run !== undefined) return startHolder(machine, pod, { kind: 'rejoin', target: run.runtime.init });
  throw terrariumError(ErrorCode.WrongState, `Nothing can join the pod ${pod.name} just now`, {
    cause:
      'Its containers were started before Terrarium was updated or its zygote ended: their namespaces belong to another user namespace.',
    fix: 'Stop all of them; with the next start the pod is made anew.',
    command: `terrarium pod stop ${pod.name}`,
  });
}

/** Lets others in the pod's network find a container that was made in it. */
export async function tellNames(machine: Machine, pod: PodRecord): Promise<void> {
  if (pod.network?.kind === 'bridge') await namesChanged(machine, pod.network.network);
}

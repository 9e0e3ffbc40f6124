/** Pods: made, listed, looked at, removed. */
import { ResponseError } from 'vscode-jsonrpc';
import { lockedGroups, readGroupResources, writeGroupResources } from '../container/groupStore.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { removeContainer } from '../container/remove.js';
import { liveRun } from '../container/stop.js';
import { ContainerStore } from '../container/store.js';
import { readNamespace } from '../inspect/namespaces.js';
import { networkOf } from '../network/endpoints.js';
import { checkAddress, leaveNetwork } from '../network/membership.js';
import { readyDefault } from '../network/networks.js';
import { isNetwork, readNetwork } from '../network/store.js';
import { heldNamespaces } from '../plan/podSteps.js';
import {
  type CreatePodParams,
  ErrorCode,
  type PodInspection,
  type PodSummary,
  terrariumError,
} from '../protocol/index.js';
import { parsePod } from '../specification/pod.js';
import { liveHolder, removeHolder } from './holder.js';
import { containersOf } from './members.js';
import { podPorts } from './ports.js';
import { findPod, forgetPod, isPod, lockedPods, type PodRecord, readPod, readPods, writePod } from './store.js';

/** @throws NameTaken; Invalid for what cannot be, NotFound for its network */
export async function createPod(machine: Machine, params: CreatePodParams): Promise<PodSummary> {
  const { locations } = machine;
  const pod = parsePod(params);
  if (pod.network?.kind === 'bridge') {
    await readyDefault(machine, pod.network.network);
    const network = readNetwork(locations, pod.network.network);
    if (pod.network.address !== undefined) checkAddress(network, pod.network.address);
  }
  return lockedPods(locations, async () => {
    if (await isPod(locations, pod.name)) {
      throw terrariumError(ErrorCode.NameTaken, `There is a pod "${pod.name}" already`, {
        fix: 'Choose another name, or remove that one with its containers.',
        command: `terrarium pod rm ${pod.name}`,
      });
    }
    const records = await machine.store.list();
    if (records.some(({ specification }) => specification.group === pod.name)) {
      throw terrariumError(ErrorCode.NameTaken, `There is a group "${pod.name}" with containers already`, {
        cause: 'A pod limits its containers by a group of its own name.',
        fix: 'Choose another name.',
        command: 'terrarium groups',
      });
    }
    const record: PodRecord = {
      version: 1,
      id: ContainerStore.newId(),
      createdAt: new Date().toISOString(),
      ...pod,
    };
    await writePod(locations, record);
    return summaryOf(machine, record, []);
  });
}

/** By name. */
export async function listPods(machine: Machine): Promise<PodSummary[]> {
  const [pods, records] = await Promise.all([readPods(machine.locations), machine.store.list()]);
  return pods.map((pod) => summaryOf(machine, pod, containersOf(records, pod.name)));
}

/** @throws NotFound */
export async function inspectPod(machine: Machine, name: string): Promise<PodInspection> {
  const pod = readPod(machine.locations, name);
  const containers = containersOf(await machine.store.list(), name);
  const address = addressOf(machine, pod);
  return {
    ...summaryOf(machine, pod, containers),
    ...(address === undefined ? {} : { address }),
    namespaces: sharedNamespaces(machine, pod, containers),
    members: containers.map((member) => ({
      container: member.id,
      name: member.name,
      running: liveRun(machine, member) !== undefined,
    })),
    published: podPorts(machine, name),
  };
}

function addressOf({ locations }: Machine, { id, network }: PodRecord): string | undefined {
  const name = networkOf({ network });
  if (name === undefined) return undefined;
  try {
    return readNetwork(locations, name).addresses[id];
  } catch (error) {
    // Removed before the pod: its next start says so.
    if (error instanceof ResponseError && error.code === ErrorCode.NotFound) return undefined;
    throw error;
  }
}

/** As the kernel has them, from who is in them: the holder, or a container when that was killed. */
function sharedNamespaces(
  machine: Machine,
  pod: PodRecord,
  containers: readonly ContainerRecord[],
): PodInspection['namespaces'] {
  const runs = containers.flatMap((container) => liveRun(machine, container) ?? []);
  const someone = liveHolder(machine.locations, pod.name)?.init ?? runs[0]?.runtime.init;
  if (someone === undefined) return [];
  const held = heldNamespaces({ shares: pod.shares, ownNetwork: pod.network?.kind !== 'host' });
  return held.flatMap((type) => {
    const inode = readNamespace(someone.pid, type);
    return inode === undefined ? [] : [{ type, inode }];
  });
}

/** Removes it with its containers. @throws NotFound; WrongState when one of them runs and `force` is not set */
export async function removePod(machine: Machine, name: string, force: boolean): Promise<void> {
  const { locations, store } = machine;
  // A damaged one can be removed; one that is not there is told of.
  if (!(await isPod(locations, name))) readPod(locations, name);
  const containers = containersOf(await store.list(), name);
  const running = containers.filter((member) => liveRun(machine, member) !== undefined);
  if (running.length > 0 && !force) throw inUse(name, running);
  // Each has a lock of its own, which comes before that of pods.
  for (const { id } of containers) {
    await store
      .locked(id, (record) => removeContainer(machine, record, force))
      .catch((error: unknown) => {
        if (!(error instanceof ResponseError && error.code === ErrorCode.NotFound)) throw error;
      });
  }
  await lockedPods(locations, async () => {
    const newer = containersOf(await store.list(), name);
    if (newer.length > 0) throw inUse(name, newer);
    await removeHolder(locations, name);
    await leave(machine, name);
    await forgetPod(locations, name);
    await lockedGroups(locations, async () => {
      if (readGroupResources(locations, name) !== undefined) await writeGroupResources(locations, name, {});
    });
  });
}

function inUse(name: string, containers: readonly ContainerRecord[]): Error {
  return terrariumError(
    ErrorCode.WrongState,
    `The pod ${name} is in use by ${containers.map((member) => member.name).join(', ')}`,
    { fix: 'Stop them first, or remove it by force.', command: `terrarium pod rm -f ${name}` },
  );
}

async function leave(machine: Machine, name: string): Promise<void> {
  const pod = findPod(machine.locations, name);
  if (pod?.network?.kind !== 'bridge' || !(await isNetwork(machine.locations, pod.network.network))) return;
  await leaveNetwork(machine, { id: pod.id, choice: pod.network });
}

function summaryOf(machine: Machine, pod: PodRecord, containers: readonly ContainerRecord[]): PodSummary {
  const { name, shares, network, ports, hostname, createdAt } = pod;
  const holder = liveHolder(machine.locations, name);
  return {
    name,
    shares,
    ...(network === undefined ? {} : { network }),
    ports,
    ...(hostname === undefined ? {} : { hostname }),
    createdAt,
    containers: containers.map(({ id }) => id),
    running: containers.filter((container) => liveRun(machine, container) !== undefined).map(({ id }) => id),
    ...(holder === undefined ? {} : { holder: holder.init }),
  };
}

/** What has an address of its own in a named network: a container, or a pod for all containers in it. */
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { liveRun } from '../container/stop.js';
import { holderFolder, liveHolder } from '../pods/holder.js';
import { containersOf } from '../pods/members.js';
import { findPod, type PodRecord, readPods } from '../pods/store.js';
import type { ContainerSpecification, NetworkChoice, ProcessIdentity } from '../protocol/index.js';

export type NamedNetwork = Extract<NetworkChoice, { kind: 'bridge' }>;

export interface Endpoint {
  /** The container's or the pod's. */
  id: string;
  /** For people. */
  title: string;
  choice: NamedNetwork;
  /** By which others find it: all have been checked to be names. */
  names: string[];
  /** Those that are reached by its address. */
  containers: readonly ContainerRecord[];
  /** Of a pod: its name. */
  pod?: string;
  /** Where it is noted what its link was made, while it is up. */
  link?: string;
  /** Monitors in the network's namespace, with the zygotes that they are from. */
  monitors: { monitor: ProcessIdentity; zygotePid: number }[];
}

/** The named network of a container by itself, or of a pod. */
export function networkOf({ network }: { network?: NetworkChoice | undefined }): string | undefined {
  return network?.kind === 'bridge' ? network.network : undefined;
}

/** The named network that a container is in, by itself or by its pod. */
export function namedNetworkOf(
  { locations }: Pick<Machine, 'locations'>,
  { network, pod }: ContainerSpecification,
): string | undefined {
  const record = pod === undefined ? undefined : findPod(locations, pod);
  return record === undefined || !record.shares.includes('network') ? networkOf({ network }) : networkOf(record);
}

/** Undefined when it is in no named network by itself. */
export function containerEndpoint(machine: Machine, record: ContainerRecord): Endpoint | undefined {
  const { id, name, specification, config } = record;
  if (specification.network?.kind !== 'bridge') return undefined;
  const run = liveRun(machine, record);
  return {
    id,
    title: name,
    choice: specification.network,
    names: [name, ...(config.hostname === undefined ? [] : [config.hostname])],
    containers: [record],
    ...(run === undefined ? {} : { link: run.folder }),
    monitors: run === undefined ? [] : [run.runtime],
  };
}

/** Undefined when it is in no named network. */
export function podEndpoint(
  machine: Machine,
  { id, name, network, hostname }: PodRecord,
  containers: readonly ContainerRecord[],
): Endpoint | undefined {
  if (network?.kind !== 'bridge') return undefined;
  const holder = liveHolder(machine.locations, name);
  return {
    id,
    title: `the pod ${name}`,
    choice: network,
    names: [name, ...(hostname === undefined ? [] : [hostname]), ...containers.map((container) => container.name)],
    containers,
    pod: name,
    ...(holder === undefined ? {} : { link: holderFolder(machine.locations, name) }),
    monitors: holder === undefined ? [] : [holder],
  };
}

/** All that were made to be in it: containers first, both by age. */
export async function endpointsOf(machine: Machine, network: string): Promise<Endpoint[]> {
  const [records, pods] = await Promise.all([machine.store.list(), readPods(machine.locations)]);
  return [
    ...records.flatMap((record) => containerEndpoint(machine, record) ?? []),
    ...pods.flatMap((pod) => podEndpoint(machine, pod, containersOf(records, pod.name)) ?? []),
  ].filter(({ choice }) => choice.network === network);
}

import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { NetworkChoice, ProcessIdentity } from './container.js';
import type { ErrorData } from './errors.js';
import type { PortMapping, PublishedPort } from './ports.js';

/** Namespaces that the containers of a pod can have in common. The others are each one's own. */
export type PodNamespace = 'network' | 'ipc' | 'uts' | 'pid';

/** Whose network a pod has: as a container, but not another container's. */
export type PodNetwork = Exclude<NetworkChoice, { kind: 'container' | 'process' }>;

/**
 * Containers that share namespaces and a group of limits. A holder, a process of ours, has the namespaces from the start of
 * the first container to the end of the last one.
 */
export interface PodSummary {
  /** Also the name of the group that its containers are in: `limits/set` with that group limits all of them together. */
  name: string;
  shares: PodNamespace[];
  /** Absent when each container has a network of its own. */
  network?: PodNetwork;
  /** Published when its first container starts, withdrawn when the last one has ended. */
  ports: PortMapping[];
  /** Of all its containers; absent when they do not share `uts`. */
  hostname?: string;
  /** ISO 8601. */
  createdAt: string;
  /** Ids of the containers that were made in it. */
  containers: string[];
  /** Of them, those that run. */
  running: string[];
  /**
   * The process that has its namespaces. When it is missing while containers run, it was killed: they keep the namespaces,
   * ports are published again with the next container that starts.
   */
  holder?: ProcessIdentity;
}

export interface PodMember {
  container: string;
  name: string;
  running: boolean;
}

export interface PodInspection extends PodSummary {
  /** Of the named network, kept from its first start until it is removed. */
  address?: string;
  /** The shared namespaces, while it is up. */
  namespaces: { type: PodNamespace; inode: number }[];
  /** Oldest first. */
  members: PodMember[];
  /** What is published now. */
  published: PublishedPort[];
}

export interface PodReference {
  pod: string;
}

export interface CreatePodParams {
  name: string;
  /** Default: network, ipc and uts. */
  shares?: PodNamespace[];
  /** Default: one with nothing but `lo`. Only with `network` among the shared ones. */
  network?: PodNetwork;
  ports?: PortMapping[];
  /** Default: the name. Only with `uts` among the shared ones. */
  hostname?: string;
}
/** Writes down what it is to be; nothing runs for it until a container in it is started. `NameTaken`, `Invalid`, `NotFound`. */
export const CreatePod = new RequestType<CreatePodParams, PodSummary, ErrorData>('pod/create');
/** By name. */
export const ListPods = new RequestType0<PodSummary[], ErrorData>('pod/list');
export const InspectPod = new RequestType<PodReference, PodInspection, ErrorData>('pod/inspect');
export interface RemovePodParams extends PodReference {
  /** Kill containers of it that run. */
  force?: boolean;
}
/** Removes it with its containers and its limits. `WrongState` when one of them runs and `force` is not set. */
export const RemovePod = new RequestType<RemovePodParams, null, ErrorData>('pod/remove');

/** A pod was made or removed, or another one of its containers runs. */
export const PodsChanged = new NotificationType<{ pods: PodSummary[] }>('pod/changed');

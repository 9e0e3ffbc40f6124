import { RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { ProcessIdentity } from './container.js';
import type { ErrorData } from './errors.js';

/** A named network: a bridge in a network namespace of its own, which containers are connected to by veth pairs. */
export interface NetworkSummary {
  name: string;
  /** IPv4, in CIDR notation: `10.120.0.0/24`. */
  subnet: string;
  /** Its namespace is there: from the start of its first container until it is removed or the machine restarts. */
  live: boolean;
  /** Ids of the containers that were made to be in it. */
  containers: string[];
}

export interface NetworkMember {
  container: string;
  name: string;
  running: boolean;
  /** Kept for it from its first start until it is removed. */
  address?: string;
}

export interface NetworkInspection extends NetworkSummary {
  /** ISO 8601. */
  createdAt: string;
  /** The bridge's own address. */
  address: string;
  /** The process that holds the namespace, while it is there. */
  holder?: ProcessIdentity;
  /** By name. */
  members: NetworkMember[];
}

export interface NetworkReference {
  network: string;
}

/** By name. */
export const ListNetworks = new RequestType0<NetworkSummary[], ErrorData>('network/list');
export interface CreateNetworkParams {
  name: string;
  /** IPv4 in CIDR notation; default: the first of `10.120.0.0/24`, `10.120.1.0/24`… that nothing on this machine uses. */
  subnet?: string;
}
/** Writes down what it is to be; nothing runs for it until a container in it is started. `NameTaken`, `Invalid`. */
export const CreateNetwork = new RequestType<CreateNetworkParams, NetworkSummary, ErrorData>('network/create');
/** `WrongState` while a container in it runs. Those that do not run stay, and cannot be started without it. */
export const RemoveNetwork = new RequestType<NetworkReference, null, ErrorData>('network/remove');
export const InspectNetwork = new RequestType<NetworkReference, NetworkInspection, ErrorData>('network/inspect');

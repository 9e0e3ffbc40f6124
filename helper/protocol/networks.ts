import { RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { ProcessIdentity } from './container.js';
import type { ErrorData } from './errors.js';

/** The programs that can be a network's way out: pasta(1), slirp4netns(1). */
export type OutboundProgram = 'pasta' | 'slirp4netns';
/** `auto`: pasta, else slirp4netns. */
export type OutboundChoice = 'none' | 'auto' | OutboundProgram;

/** `ended`: it comes back by itself while containers run; `given-up`: it ended too often for that. */
export type OutboundState = 'up' | 'ended' | 'given-up';

/** A network that need not be made: it has a way out, and comes with the first container that is to be in it. */
export const outboundNetwork = 'outbound';

/** A named network: a bridge in a network namespace of its own, which containers are connected to by veth pairs. */
export interface NetworkSummary {
  name: string;
  /** IPv4, in CIDR notation: `10.120.0.0/24`. */
  subnet: string;
  /** Of IPv6, unique local addresses (RFC 4193): `fd12:3456:789a::/64`; absent for a network without it. */
  subnet6?: string;
  /** How it leads to where this machine leads; `none`: it reaches only its own containers. */
  outbound: OutboundChoice;
  /** Absent when it has none, or nothing in it was started yet. */
  outboundState?: OutboundState;
  /** Its namespace is there: from the start of its first container until it is removed or the machine restarts. */
  live: boolean;
  /** Ids of the containers that were made to be in it. */
  containers: string[];
}

export interface NetworkMember {
  container: string;
  name: string;
  /** The pod that it has its address and its link from. */
  pod?: string;
  running: boolean;
  /** Kept for it from its first start until it is removed. */
  address?: string;
  /** Of IPv6: the same number in the network as its address of IPv4. */
  address6?: string;
  /** How its link was made worse; absent: it is as good as it gets. */
  link?: LinkShape;
}

/** The way out of a network: a process, which ends with the network. */
export interface NetworkOutbound {
  /** What it is, or was when it has ended. */
  program: OutboundProgram;
  /** IPv6 goes out by it, too: with pasta, where this machine's own does. */
  ipv6: boolean;
  /** While it is there. */
  process?: ProcessIdentity;
  /** What it said at its end, when it is there no more. */
  problem?: string;
  /** How often it was made again since the last time that somebody asked for it. */
  revivals: number;
  /** Where its containers ask for names: it passes the question on to this machine's name server. */
  nameServer: string;
  /** At which address they reach what listens at this machine's 127.0.0.1; absent: they do not. */
  hostLoopback?: string;
}

export interface NetworkInspection extends NetworkSummary {
  /** ISO 8601. */
  createdAt: string;
  /** The bridge's own address. */
  address: string;
  address6?: string;
  /** The process that holds the namespace, while it is there. */
  holder?: ProcessIdentity;
  /** Absent when it has none, or nothing in it was started yet. */
  way?: NetworkOutbound;
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
  /** Whether its containers have addresses of IPv6, too. Default: where the kernel has it. */
  ipv6?: boolean;
  /** `fdXX:…/64`; default: one that is made up as RFC 4193 says. Only with IPv6. */
  subnet6?: string;
  /** Default `none`. */
  outbound?: OutboundChoice;
  /** With a way out: lead to what listens at this machine's 127.0.0.1, too. Default false. */
  hostLoopback?: boolean;
}
/** Writes down what it is to be; nothing runs for it until a container in it is started. `NameTaken`, `Invalid`, `Unavailable`. */
export const CreateNetwork = new RequestType<CreateNetworkParams, NetworkSummary, ErrorData>('network/create');
/** `WrongState` while a container in it runs. Those that do not run stay, and cannot be started without it. */
export const RemoveNetwork = new RequestType<NetworkReference, null, ErrorData>('network/remove');
export const InspectNetwork = new RequestType<NetworkReference, NetworkInspection, ErrorData>('network/inspect');
/** Starts the way out of a live network anew when it has ended, however often it did; answers what it is. `WrongState` when it has none. */
export const ReconnectNetwork = new RequestType<NetworkReference, NetworkOutbound, ErrorData>('network/reconnect');

/** What a container's link to its named network does to packets, those that it sends and those that it gets. */
export interface LinkShape {
  /** So many milliseconds later, each way: an answer takes twice as long. At most 60 000. */
  delayMs?: number;
  /** So many of 100 get lost, at random. */
  lossPercent?: number;
  /** Bits a second, each way. At least 8000. */
  rate?: number;
  /** It is cut: nothing passes, and the interface has no carrier. */
  down?: boolean;
}
/** Whose link: a container in a pod that shares its network has that of the pod. */
export type LinkReference = { container: string } | { pod: string };
/**
 * Makes the link of a running container or pod slow, lossy or cut, in place of what it was made before; with none of them it is as
 * at its start. Until that ends. `WrongState` when it is in no named network or does not run, `Invalid`,
 * `StepFailed`, with the doctor's line netem, when this kernel has none.
 */
export const ShapeLink = new RequestType<LinkShape & LinkReference, LinkShape, ErrorData>('network/shape');

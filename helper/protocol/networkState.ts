/** What a network namespace holds, as the kernel has it: of a container, or of any process. */
import { NotificationType, RequestType } from 'vscode-jsonrpc';
import type { ProcessIdentity } from './container.js';
import type { ErrorData } from './errors.js';
import type { ProcessTarget } from './namespaces.js';
import type { PortProtocol } from './ports.js';

export type AddressFamily = 'inet' | 'inet6';

export interface InterfaceAddress {
  family: AddressFamily;
  address: string;
  /** Bits of the network's part. */
  prefix: number;
  /** `global`, `link`, `host`…, or a number that has no name. */
  scope: string;
}

/** Since the interface was made. */
export interface LinkCounters {
  bytes: number;
  packets: number;
  errors: number;
  dropped: number;
}

export interface NetworkInterface {
  index: number;
  name: string;
  /** `veth`, `bridge`, `tun`…; absent for what is none of the kernel's own making, such as `lo` and network cards. */
  kind?: string;
  /** Flags of netdevice(7) that are set: `UP`, `LOOPBACK`, `BROADCAST`… */
  flags: string[];
  /** RFC 2863: `up`, `down`, `unknown` (as for `lo`), `lowerlayerdown`… */
  state: string;
  mtu: number;
  /** Of its hardware, or what stands for it. */
  linkAddress?: string;
  /** The bridge that it is a port of. */
  master?: string;
  /** What its packets queue in: `noqueue`, `netem` (slow or lossy), `fq_codel`… */
  queue?: string;
  addresses: InterfaceAddress[];
  received: LinkCounters;
  sent: LinkCounters;
}

/** A route of any table but `local`, which holds the namespace's own addresses. */
export interface Route {
  family: AddressFamily;
  /** `default`, or a network as `10.120.0.0/24`. */
  destination: string;
  /** `unicast`, `blackhole`, `unreachable`…, or a number that has no name. */
  type: string;
  gateway?: string;
  interface?: string;
  /** The address that packets are sent from. */
  source?: string;
  metric?: number;
  /** Absent for the main one. */
  table?: number;
}

/** Who is on the same link, as ARP and neighbour discovery have learned. */
export interface Neighbour {
  family: AddressFamily;
  address: string;
  interface: string;
  linkAddress?: string;
  /** `reachable`, `stale`, `failed`… */
  state: string;
}

export interface SocketAddress {
  address: string;
  port: number;
}

/** A process that has a socket open. */
export interface SocketProcess {
  pid: number;
  /** The pid in its own pid namespace. */
  innerPid: number;
  /** At most 15 bytes, chosen by the process. */
  name: string;
}

export interface NetworkSocket {
  protocol: PortProtocol;
  family: AddressFamily;
  /** `listen`, `established`, `time-wait`… of TCP; of UDP `unconnected`, which receives from anybody, or `established`. */
  state: string;
  local: SocketAddress;
  /** Absent where there is no other side. */
  remote?: SocketAddress;
  inode: number;
  /** Empty when nobody has it open any more, or when they may not be looked at. */
  processes: SocketProcess[];
}

/** A socket of unix(7): it reaches what has it within the machine only. */
export interface UnixSocket {
  type: 'stream' | 'dgram' | 'seqpacket';
  /** `listen`, `established`, or `unconnected`: such a one of datagrams receives from anybody. */
  state: string;
  /** Where it was bound, as who bound it wrote it: not always from the root, and the file may be gone. */
  path?: string;
  /** In place of a path its name in the abstract namespace, which is one for each network namespace. */
  abstract?: string;
  inode: number;
  /** Inode of the socket that it is connected to. It may be in another network namespace: paths lead there. */
  peer?: number;
  /** Empty when nobody has it open any more, or when they may not be looked at. */
  processes: SocketProcess[];
}

/** Its path, or its abstract name behind an `@`, as proc_pid_net(5) has it; undefined when it is not bound. */
export function unixAddress({ path, abstract }: Pick<UnixSocket, 'path' | 'abstract'>): string | undefined {
  return abstract === undefined ? path : `@${abstract}`;
}

/** Whether others may reach it by its address: it listens, or takes datagrams from anybody. */
export function isUnixServer(socket: Pick<UnixSocket, 'state' | 'path' | 'abstract'>): boolean {
  return socket.state === 'listen' || (socket.state === 'unconnected' && unixAddress(socket) !== undefined);
}

export interface NetworkState {
  /** The process that was asked about, or a container's init. */
  process: ProcessIdentity;
  /** Number of the namespace's file: what `readlink /proc/PID/ns/net` has in brackets. */
  inode?: number;
  /** It is this machine's, that of the helper. */
  host: boolean;
  interfaces: NetworkInterface[];
  routes: Route[];
  neighbours: Neighbour[];
  /** Of TCP and UDP; those that wait for others first. */
  sockets: NetworkSocket[];
  /** So many more there are: of those that wait, of connections and of those in time-wait at most 10 000 each are told. */
  moreSockets?: number;
  /** Those that others may reach first. Absent when the namespace could not be entered, or the kernel has no UNIX_DIAG. */
  unixSockets?: UnixSocket[];
  /** Why all but sockets of TCP and UDP is missing, and who has these: the namespace could not be entered. */
  unreadable?: string;
}

/** `NotFound` when there is no such process, `WrongState` when the container does not run. */
export const ReadNetworkState = new RequestType<{ target: ProcessTarget }, NetworkState, ErrorData>('network/read');

/**
 * Replaces the containers, by id, of which this client wants to hear when what listens in them differs. The kernel does not
 * tell of it, so the helper looks every two seconds: only for what can be seen. Empty: nothing polls.
 */
export const WatchListeners = new RequestType<{ containers: string[] }, null, ErrorData>('network/watch');

// ---- helper → client ---------------------------------------------------------------------------------------------
/** In these watched containers something began or ceased to listen; first for each in which something listens. */
export const ListenersChanged = new NotificationType<{ containers: string[] }>('network/listening');
/** A named network was made or removed, by whichever client. */
export const NetworksChanged = new NotificationType<{ networks: string[] }>('network/changed');

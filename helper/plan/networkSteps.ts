/** The steps by which networks are made and containers connected to them. Pure. */

import type { ProcessIdentity } from '../protocol/index.js';
import { capabilityMask } from '../security/capabilities.js';
import { CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, MS_REC, MS_SLAVE, PROC_SUPER_MAGIC } from './constants.js';
import type { Plan, Step } from './step.js';

/** The bridge, in the network's own namespace, where nothing else has that name. */
export const bridgeName = 'bridge0';
/** What a container's end of its veth pair is called inside. */
export const interfaceName = 'eth0';
/** The way out's, in the network's namespace. */
export const uplinkName = 'tap0';

/** Its address, in a /64, and the bridge's when IPv6 goes out; `off` in a network without; `missing`: the kernel has none. */
export type Ipv6 = { address: string; gateway?: string } | 'off' | 'missing';

/** How a container is connected to a network. */
export interface Connection {
  /** A process in the network's namespace. */
  anchor: ProcessIdentity;
  /** Name of the pair's end that is the bridge's port: at most 15 bytes, unique in the network. */
  port: string;
  address: string;
  prefix: number;
  ipv6: Ipv6;
  /** The bridge's address, when the network has a way out. */
  gateway?: string;
}

/** Which folder the holder's monitor writes to, and what the bridge is called by. */
export interface HolderPlace {
  folder: string;
  socket: string;
  address: string;
  prefix: number;
  ipv6: Ipv6;
  /** It is to have a way out. */
  outbound: boolean;
}

/** socket(2): asm-generic, the same on all architectures. */
const [AF_INET, AF_INET6] = [2, 10];

/** The least the stage takes: a holder prints nothing. */
const outputLimit = 64n * 1024n;

/**
 * A process that holds a network namespace with a bridge. It is in the zygote's user namespace, so that monitors, which are
 * too, may connect containers to it, and these, whose user namespaces are below it, may not touch it. It is the first
 * process of a pid namespace: what is started in that ends with it, by the kernel's own hand.
 */
export function holderPlan({ folder, socket, address, prefix, ipv6, outbound }: HolderPlace): Plan {
  return [
    { kind: 'monitor', directory: folder, socket, outputLimit, events: '' },
    { kind: 'clone', flags: CLONE_NEWNET | CLONE_NEWPID, cgroup: '' },
    { kind: 'bringUp', interface: 'lo' },
    { kind: 'makeBridge', name: bridgeName, mac: hardwareAddress(address) },
    { kind: 'addAddress', interface: bridgeName, address, prefix },
    ...ipv6Steps(bridgeName, ipv6),
    { kind: 'bringUp', interface: bridgeName },
    ...(outbound ? forwardSteps : []),
    ...(outbound && typeof ipv6 === 'object' ? forwardSteps6 : []),
    { kind: 'stayInit' },
  ];
}

/**
 * Before the interface is up. Every container could announce itself as the router of all others, which take any (RFC 4861,
 * 11.2): so none is listened to. Addresses of the link follow from those of the hardware, which nobody else in the network has:
 * duplicates are not looked for, and what is left of an earlier run cannot be taken for one. ip-sysctl.rst
 */
function ipv6Steps(of: string, ipv6: Ipv6): Step[] {
  const set = (name: string, data: string): Step => {
    const path = `/proc/sys/net/ipv6/conf/${of}/${name}`;
    return { kind: 'writeFile', path, data, magic: PROC_SUPER_MAGIC };
  };
  if (ipv6 === 'missing') return [];
  if (ipv6 === 'off') return [set('disable_ipv6', '1')];
  return [
    set('accept_ra', '0'),
    set('accept_dad', '0'),
    { kind: 'addAddress', interface: of, address: ipv6.address, prefix: 64 },
  ];
}

/** Locally administered (IEEE 802), and of an IPv4 address: unique where that is. */
export function hardwareAddress(address: string): Uint8Array {
  return Uint8Array.from([0x02, 0x00, ...address.split('.').map(Number)]);
}

/** A new holder for a network whose holder was killed, by a process that is in its namespace. */
export function successorPlan(
  { folder, socket }: Pick<HolderPlace, 'folder' | 'socket'>,
  anchor: ProcessIdentity,
): Plan {
  return [
    { kind: 'monitor', directory: folder, socket, outputLimit, events: '' },
    enter(anchor, CLONE_NEWNET),
    { kind: 'clone', flags: CLONE_NEWPID, cgroup: '' },
    { kind: 'stayInit' },
  ];
}

/** What comes from containers for elsewhere goes on by the way out, with its address in place of theirs. */
const forwardSteps: readonly Step[] = [
  { kind: 'writeFile', path: '/proc/sys/net/ipv4/ip_forward', data: '1', magic: PROC_SUPER_MAGIC },
  { kind: 'masquerade', interface: uplinkName, family: AF_INET },
];

/** The same for IPv6, which a kernel may not be able to masquerade: then IPv4 alone goes out. */
const forwardSteps6: readonly Step[] = [
  { kind: 'writeFile', path: '/proc/sys/net/ipv6/conf/all/forwarding', data: '1', magic: PROC_SUPER_MAGIC },
  { kind: 'masquerade', interface: uplinkName, family: AF_INET6, tolerate: 'any' },
];

/** A program that is the way out of a network. */
export interface OutboundProcess {
  /** Its monitor's. */
  folder: string;
  socket: string;
  /** Of the network. */
  holder: ProcessIdentity;
  /** A file to be, by which the program finds the network's namespace. */
  namespace: string;
  /** Its path, and its arguments, which begin with its name. */
  program: string;
  args: readonly string[];
}

/**
 * A program between two networks: its sockets are this machine's, its interface is the network's. So it is in the network
 * namespace of this machine, and in the holder's pid namespace, with which it ends. As root of the zygote's user namespace it
 * has rights over networks there, and none outside; it gives up most of them itself.
 */
export function outboundPlan({ folder, socket, holder, namespace, program, args }: OutboundProcess): Plan {
  return [
    { kind: 'monitor', directory: folder, socket, outputLimit, events: '' },
    enter(holder, CLONE_NEWPID),
    { kind: 'makePipes', stdin: 0 },
    { kind: 'clone', flags: CLONE_NEWNS, cgroup: '' },
    { kind: 'setPropagation', path: '/', flags: MS_REC | MS_SLAVE },
    { kind: 'makeFile', path: namespace, mode: 0o600 },
    { kind: 'bindNamespace', source: `/proc/${holder.pid}/ns/net`, path: namespace },
    { kind: 'setSession' },
    { kind: 'limitBoundingSet', keep: capabilityMask(outboundCapabilities) },
    { kind: 'setNoNewPrivileges' },
    { kind: 'execute', paths: [program], args, env: [], supervise: 0 },
  ];
}

/**
 * To enter the network's namespace, to make an interface there, and to shut itself off in a mount namespace and drop
 * capabilities, all but that of low ports, which slirp4netns insists on keeping.
 */
const outboundCapabilities = [
  'CAP_SYS_ADMIN',
  'CAP_NET_ADMIN',
  'CAP_SETUID',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
];

function enter({ pid, startTime }: ProcessIdentity, flags: number): Step {
  return { kind: 'setNamespaces', pid, startTime: BigInt(startTime), flags };
}

/** The monitor's steps before the clone: it has to be in the network's namespace, and stays there. */
export function connectBeforeClone({ anchor }: Connection): Step[] {
  return [enter(anchor, CLONE_NEWNET)];
}

/** The monitor's steps while the new process waits. */
export function connectAfterClone({ port, address }: Connection): Step[] {
  // Who comes back with its address is found at once: the others remember what hardware has it.
  const mac = hardwareAddress(address);
  return [{ kind: 'makeVeth', name: port, bridge: bridgeName, peer: interfaceName, mac }];
}

/** The container's own steps. */
export function connectInside({ address, prefix, ipv6, gateway }: Connection): Step[] {
  return [
    { kind: 'addAddress', interface: interfaceName, address, prefix },
    ...ipv6Steps(interfaceName, ipv6),
    { kind: 'bringUp', interface: interfaceName },
    ...[gateway, typeof ipv6 === 'object' ? ipv6.gateway : undefined].flatMap((by): Step[] =>
      by === undefined ? [] : [{ kind: 'addDefaultRoute', gateway: by, interface: interfaceName }],
    ),
  ];
}

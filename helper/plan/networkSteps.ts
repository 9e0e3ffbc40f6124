/** The steps by which networks are made and containers connected to them. Pure. */

import type { ProcessIdentity } from '../protocol/index.js';
import { CLONE_NEWNET } from './constants.js';
import type { Plan, Step } from './step.js';

/** The bridge, in the network's own namespace, where nothing else has that name. */
export const bridgeName = 'bridge0';
/** What a container's end of its veth pair is called inside. */
export const interfaceName = 'eth0';

/** How a container is connected to a network. */
export interface Connection {
  /** A process in the network's namespace. */
  anchor: ProcessIdentity;
  /** Name of the pair's end that is the bridge's port: at most 15 bytes, unique in the network. */
  port: string;
  address: string;
  prefix: number;
}

/** Which folder the holder's monitor writes to, and what the bridge is called by. */
export interface HolderPlace {
  folder: string;
  socket: string;
  address: string;
  prefix: number;
}

/** The least the stage takes: a holder prints nothing. */
const outputLimit = 64n * 1024n;

/**
 * A process that holds a network namespace with a bridge. It is in the zygote's user namespace, so that monitors, which are
 * too, may connect containers to it, and these, whose user namespaces are below it, may not touch it.
 */
export function holderPlan({ folder, socket, address, prefix }: HolderPlace): Plan {
  return [
    { kind: 'monitor', directory: folder, socket, outputLimit, events: '' },
    { kind: 'clone', flags: CLONE_NEWNET, cgroup: '' },
    { kind: 'bringUp', interface: 'lo' },
    { kind: 'makeBridge', name: bridgeName },
    { kind: 'addAddress', interface: bridgeName, address, prefix },
    { kind: 'bringUp', interface: bridgeName },
    { kind: 'stayInit' },
  ];
}

/** The monitor's steps before the clone: it has to be in the network's namespace, and stays there. */
export function connectBeforeClone({ anchor }: Connection): Step[] {
  return [{ kind: 'setNamespaces', pid: anchor.pid, startTime: BigInt(anchor.startTime), flags: CLONE_NEWNET }];
}

/** The monitor's steps while the new process waits. */
export function connectAfterClone({ port }: Connection): Step[] {
  return [{ kind: 'makeVeth', name: port, bridge: bridgeName, peer: interfaceName }];
}

/** The container's own steps. */
export function connectInside({ address, prefix }: Connection): Step[] {
  return [
    { kind: 'addAddress', interface: interfaceName, address, prefix },
    { kind: 'bringUp', interface: interfaceName },
  ];
}

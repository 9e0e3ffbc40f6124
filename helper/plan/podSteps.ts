/** The steps by which the namespaces of a pod are made and held. Pure. */
import type { PodNamespace, ProcessIdentity } from '../protocol/index.js';
import { namespaceFlags, PROC_SUPER_MAGIC } from './constants.js';
import { type Connection, connectAfterClone, connectBeforeClone, connectInside } from './networkSteps.js';
import type { Plan, Step } from './step.js';

export interface PodHolderInput {
  place: { folder: string; socket: string; lease: string };
  shares: readonly PodNamespace[];
  /** Else the shared network is this machine's. */
  ownNetwork: boolean;
  hostname: string | undefined;
  start: { kind: 'new'; connection: Connection | undefined } | { kind: 'rejoin'; target: ProcessIdentity };
}

/** The least the stage takes: a holder prints nothing. */
const outputLimit = 64n * 1024n;

/**
 * A container's own user namespace owns its network; that of a pod is the zygote's, in which no container has capabilities.
 * What root of a container can do in a network of its own, listening at any port and sending pings, is allowed to all here.
 * ip-sysctl.rst, icmp(7)
 */
const networkSettings: readonly [string, string][] = [
  ['/proc/sys/net/ipv4/ip_unprivileged_port_start', '0'],
  ['/proc/sys/net/ipv4/ping_group_range', '0 0'],
];

/** The namespaces that a pod has of its own. */
export function heldNamespaces({ shares, ownNetwork }: Pick<PodHolderInput, 'shares' | 'ownNetwork'>): PodNamespace[] {
  return shares.filter((type) => type !== 'network' || ownNetwork);
}

/**
 * A process that holds the namespaces of a pod as long as its lease is in use. It is in the zygote's user namespace, so that
 * monitors, which are too, may have containers join them.
 */
export function podHolderPlan(input: PodHolderInput): Plan {
  const { place, start, hostname } = input;
  const held = heldNamespaces(input);
  const flags = held.reduce((all, type) => all | namespaceFlags[type], 0);
  const monitor: Step = {
    kind: 'monitor',
    directory: place.folder,
    socket: place.socket,
    outputLimit,
    events: '',
  };
  const stay: Step[] = [{ kind: 'lease', path: place.lease }, { kind: 'stayInit' }];
  if (start.kind === 'rejoin') {
    const { pid, startTime } = start.target;
    return [
      monitor,
      ...(flags === 0 ? [] : [{ kind: 'setNamespaces', pid, startTime: BigInt(startTime), flags } as const]),
      { kind: 'clone', flags: 0, cgroup: '' },
      ...stay,
    ];
  }
  const { connection } = start;
  return [
    monitor,
    ...(connection === undefined ? [] : connectBeforeClone(connection)),
    { kind: 'clone', flags, cgroup: '' },
    ...(connection === undefined ? [] : connectAfterClone(connection)),
    ...(held.includes('network') ? networkSteps(connection) : []),
    ...(hostname !== undefined && held.includes('uts') ? [{ kind: 'setHostname', name: hostname } as const] : []),
    ...stay,
  ];
}

function networkSteps(connection: Connection | undefined): Step[] {
  return [
    { kind: 'bringUp', interface: 'lo' },
    ...(connection === undefined ? [] : connectInside(connection)),
    ...networkSettings.map(([path, data]): Step => ({ kind: 'writeFile', path, data, magic: PROC_SUPER_MAGIC })),
  ];
}

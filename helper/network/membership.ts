/** Containers and pods in networks: what address each has, how it is connected at its start, and by what names the others find it. */
import { randomBytes } from 'node:crypto';
import type { Machine } from '../container/machine.js';
import type { Connection, Ipv6 } from '../plan/networkSteps.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import { endNetwork } from './ending.js';
import { type Endpoint, endpointsOf } from './endpoints.js';
import { awaitHolderEnd, liveHolder, type NetworkHolder, startHolder } from './holder.js';
import { hostsFile, hostsText } from './hosts.js';
import { goesOut6, ipv6Of } from './ipv6.js';
import { readyOutbound } from './outbound.js';
import { uplink } from './outboundPrograms.js';
import { resolverFile, resolverText } from './resolver.js';
import { writeShared } from './sharedFile.js';
import { isNetwork, lockedNetworks, type NetworkRecord, networkFolder, readNetwork, writeNetwork } from './store.js';
import {
  addressText,
  bridgeAddress,
  freeAddress,
  includes,
  isForContainers,
  parseAddress,
  parseSubnet,
} from './subnet.js';

/**
 * Sees to it that the network of what is about to start is there, that it has an address in it and the others find it by
 * name.
 * @throws NotFound, Invalid, WrongState, StepFailed
 */
export async function joinNetwork(machine: Machine, { id, choice }: Endpoint): Promise<Connection> {
  return lockedNetworks(machine.locations, async () => {
    const network = readNetwork(machine.locations, choice.network);
    const endpoints = await endpointsOf(machine, network.name);
    const addresses = allot(network, { id }, choice.address, new Set(endpoints.map((endpoint) => endpoint.id)));
    const allotted = { ...network, addresses };
    if (addresses[id] !== network.addresses[id]) await writeNetwork(machine.locations, allotted);
    const holder = await holderFor(machine, allotted, endpoints);
    await readyOutbound(machine, allotted, holder);
    tell(machine, allotted, endpoints);
    const subnet = parseSubnet(network.subnet);
    const address = addresses[id] ?? '';
    return {
      anchor: holder.init,
      // The one of an earlier run is there until the kernel has done away with that run's namespace, which takes its time.
      port: `v${id.slice(0, 8)}-${randomBytes(2).toString('hex')}`,
      address,
      prefix: subnet.prefix,
      ipv6: memberIpv6(network, address),
      ...(network.outbound === 'none' ? {} : { gateway: addressText(bridgeAddress(subnet)) }),
    };
  });
}

/** Gives back the address of a container or pod that was removed, and lets the others forget its names. */
export async function leaveNetwork(machine: Machine, { id, choice }: Pick<Endpoint, 'id' | 'choice'>): Promise<void> {
  await changed(machine, choice.network, ({ [id]: _, ...addresses }) => addresses);
}

/** Lets the others know a container by its new name, or those that have come to a pod. */
export async function namesChanged(machine: Machine, network: string): Promise<void> {
  await changed(machine, network, (addresses) => addresses);
}

async function changed(
  machine: Machine,
  name: string,
  change: (addresses: NetworkRecord['addresses']) => NetworkRecord['addresses'],
): Promise<void> {
  await lockedNetworks(machine.locations, async () => {
    if (!(await isNetwork(machine.locations, name))) return;
    const before = readNetwork(machine.locations, name);
    const network = { ...before, addresses: change(before.addresses) };
    if (Object.keys(network.addresses).length !== Object.keys(before.addresses).length) {
      await writeNetwork(machine.locations, network);
    }
    tell(machine, network, await endpointsOf(machine, name));
  });
}

/**
 * The addresses of a network once this container has one: what was asked for, else what it had, else the lowest free one.
 * Those of containers that are no more are free. Pure.
 * @throws Invalid for an address that cannot be had, WrongState when there is none
 */
export function allot(
  network: NetworkRecord,
  { id }: Pick<Endpoint, 'id'>,
  asked: string | undefined,
  members: ReadonlySet<string>,
): Record<string, string> {
  const subnet = parseSubnet(network.subnet);
  const kept = Object.entries(network.addresses).filter(([member]) => members.has(member));
  const others = kept.filter(([member]) => member !== id);
  const taken = new Set(others.flatMap(([, address]) => parseAddress(address) ?? []));
  const had = kept.find(([member]) => member === id)?.[1];
  if (asked !== undefined) {
    const address = checkAddress(network, asked);
    if (taken.has(address)) throw refusedAddress(network, asked, 'Another container has it.');
    return { ...Object.fromEntries(others), [id]: addressText(address) };
  }
  const free = had ?? freeAddress(subnet, taken);
  if (free === undefined) {
    throw terrariumError(ErrorCode.WrongState, `All addresses of the network ${network.name} are taken`, {
      fix: 'Remove containers of it that are no longer needed, or make a network with a larger subnet.',
      command: `terrarium network inspect ${network.name}`,
    });
  }
  return { ...Object.fromEntries(others), [id]: typeof free === 'string' ? free : addressText(free) };
}

/** The address, if containers of this network may have it. Pure. @throws Invalid */
export function checkAddress(network: Pick<NetworkRecord, 'name' | 'subnet'>, asked: string): number {
  const subnet = parseSubnet(network.subnet);
  const address = parseAddress(asked);
  if (address === undefined || !includes(subnet, address)) {
    throw refusedAddress(network, asked, `The network is ${network.subnet}.`);
  }
  if (!isForContainers(subnet, address)) {
    throw refusedAddress(network, asked, 'It is the network’s own, its bridge’s or the broadcast address.');
  }
  return address;
}

function refusedAddress({ name, subnet }: Pick<NetworkRecord, 'name' | 'subnet'>, asked: string, cause: string) {
  return terrariumError(ErrorCode.Invalid, `No container can have the address ${asked} in the network ${name}`, {
    cause,
    fix: `Ask for another one of ${subnet}, or for none: then a free one is taken.`,
  });
}

/**
 * The process that holds the network's namespace. When there is none one is started; when it was killed and containers are in
 * the network, one that holds theirs. The caller has the lock.
 */
async function holderFor(
  machine: Machine,
  network: NetworkRecord,
  endpoints: readonly Endpoint[],
): Promise<NetworkHolder> {
  const monitors = endpoints.flatMap((endpoint) => endpoint.monitors);
  const zygote = await machine.zygote.pid();
  const holder = liveHolder(machine.locations, network.name);
  if (holder?.zygotePid === zygote) return holder;
  if (monitors.length === 0) {
    await endNetwork(machine.locations, network.name);
    return startHolder(machine, network);
  }
  const run = monitors.find(({ zygotePid }) => holder === undefined && zygotePid === zygote);
  if (run !== undefined) {
    await awaitHolderEnd(machine.locations, network.name);
    return startHolder(machine, network, run.monitor);
  }
  throw terrariumError(ErrorCode.WrongState, `The network ${network.name} cannot be joined just now`, {
    cause:
      'Containers in it were started before Terrarium was updated or its zygote ended: their network is in another user namespace.',
    fix: 'Stop all containers in it; with the next start it is made anew.',
    command: `terrarium network inspect ${network.name}`,
  });
}

/**
 * Writes what is seen of it inside: all containers and pods that have an address, whether they run or not, and where to ask
 * for names.
 */
function tell(machine: Machine, network: NetworkRecord, endpoints: readonly Endpoint[]): void {
  const entries = endpoints.flatMap(({ id, names }) => {
    const address = network.addresses[id];
    return address === undefined ? [] : addressesOf(network, address).map((one) => ({ address: one, names }));
  });
  const folder = networkFolder(machine.locations, network.name);
  writeShared(hostsFile(folder), hostsText(network.name, entries));
  const nameServer = network.outbound === 'none' ? undefined : uplink.nameServer;
  writeShared(resolverFile(folder), resolverText(network.name, nameServer));
}

/** With the bridge's as that of the way to elsewhere, if there is one. */
function memberIpv6(network: NetworkRecord, address: string): Ipv6 {
  const own = ipv6Of(network, parseAddress(address) ?? 0);
  const bridge = ipv6Of(network, bridgeAddress(parseSubnet(network.subnet)));
  if (typeof own === 'string' || typeof bridge === 'string' || !goesOut6(network)) return own;
  return { ...own, gateway: bridge.address };
}

/** That of IPv4 first, and of IPv6 what the kernel lets containers have. */
function addressesOf(network: NetworkRecord, address: string): string[] {
  const ipv6 = ipv6Of(network, parseAddress(address) ?? 0);
  return [address, ...(typeof ipv6 === 'string' ? [] : [ipv6.address])];
}

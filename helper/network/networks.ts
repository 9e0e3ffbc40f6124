/** Named networks: made, listed, looked at, removed. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ResponseError } from 'vscode-jsonrpc';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { liveRun } from '../container/stop.js';
import {
  type CreateNetworkParams,
  ErrorCode,
  type NetworkInspection,
  type NetworkOutbound,
  type NetworkSummary,
  type OutboundChoice,
  outboundNetwork,
  terrariumError,
} from '../protocol/index.js';
import { announceNetworks } from './changes.js';
import { endNetwork } from './ending.js';
import { type Endpoint, endpointsOf } from './endpoints.js';
import { liveHolder, type NetworkHolder } from './holder.js';
import { address6, kernelHasIpv6, parseSubnet6, subnetOf } from './ipv6.js';
import { linkShape } from './linkRecord.js';
import { checkInstalled, outboundOf, outboundState, readyOutbound } from './outbound.js';
import {
  forgetNetwork,
  isNetwork,
  lockedNetworks,
  type NetworkRecord,
  networkFolder,
  outboundSchema,
  readNetwork,
  readNetworks,
  writeNetwork,
} from './store.js';
import {
  addressText,
  bridgeAddress,
  freeSubnet,
  overlap,
  parseAddress,
  parseSubnet,
  routedSubnets,
  type Subnet,
  subnetText,
} from './subnet.js';

/** Words of the command line for what is no named network. */
const reserved: readonly string[] = ['none', 'host'];

/** Makes the network that need not be made, when it is the one meant and is not there. @throws Unavailable */
export async function readyDefault(machine: Machine, name: string): Promise<void> {
  if (name !== outboundNetwork || (await isNetwork(machine.locations, name))) return;
  try {
    await createNetwork(machine, { name, outbound: 'auto' });
    announceNetworks(machine.locations);
  } catch (error) {
    // Somebody else was faster.
    if (!(error instanceof ResponseError) || error.code !== ErrorCode.NameTaken) throw error;
  }
}

/** @throws NameTaken; Invalid for a name or a subnet that cannot be, Unavailable when no subnet is free */
export async function createNetwork(machine: Machine, params: CreateNetworkParams): Promise<NetworkSummary> {
  const { locations } = machine;
  networkFolder(locations, params.name);
  if (reserved.includes(params.name)) {
    throw terrariumError(ErrorCode.Invalid, `A network cannot be called ${params.name}`, {
      cause: 'That word stands for another choice of a container’s network.',
      fix: 'Choose another name.',
    });
  }
  const outbound = checkOutbound(params.outbound ?? 'none');
  checkInstalled(outbound);
  return lockedNetworks(locations, async () => {
    if (await isNetwork(locations, params.name)) {
      throw terrariumError(ErrorCode.NameTaken, `There is a network "${params.name}" already`, {
        fix: 'Choose another name, or remove that one.',
        command: `terrarium network rm ${params.name}`,
      });
    }
    const others = await readNetworks(locations);
    const subnet = params.subnet === undefined ? anySubnet(others) : thisSubnet(params.subnet, others);
    const subnet6 = subnet6Of(params, others);
    const record: NetworkRecord = {
      version: 1,
      name: params.name,
      createdAt: new Date().toISOString(),
      subnet: subnetText(subnet),
      ...(subnet6 === undefined ? {} : { subnet6 }),
      outbound,
      hostLoopback: params.hostLoopback === true,
      addresses: {},
    };
    await writeNetwork(locations, record);
    return summaryOf(machine, record, []);
  });
}

/** It comes from clients. @throws Invalid */
function checkOutbound(asked: unknown): OutboundChoice {
  const { success, data } = outboundSchema.safeParse(asked);
  if (success) return data;
  throw terrariumError(ErrorCode.Invalid, `No network can have the way out ${JSON.stringify(asked)}`, {
    fix: `Say one of ${outboundSchema.options.join(', ')}.`,
  });
}

function anySubnet(others: readonly NetworkRecord[]): Subnet {
  const own = others.map(({ subnet }) => parseSubnet(subnet));
  // What this machine reaches is left alone, so that a container's network never stands for another one.
  const routed = routedSubnets(readFileSync('/proc/net/route', 'utf8'));
  const subnet = freeSubnet([...own, ...routed]);
  if (subnet !== undefined) return subnet;
  throw terrariumError(ErrorCode.Unavailable, 'No subnet is free for another network', {
    fix: 'Say one yourself, or remove networks that are no longer needed.',
    command: 'terrarium network list',
  });
}

function thisSubnet(text: string, others: readonly NetworkRecord[]): Subnet {
  const subnet = parseSubnet(text);
  const other = others.find((one) => overlap(parseSubnet(one.subnet), subnet));
  if (other === undefined) return subnet;
  throw terrariumError(ErrorCode.Invalid, `${text} overlaps with the network ${other.name}, ${other.subnet}`, {
    fix: 'Choose another subnet, or none: then a free one is taken.',
  });
}

/** @throws Invalid for a subnet that cannot be, Unavailable when IPv6 is asked for and the kernel has none */
function subnet6Of(
  { ipv6, subnet6 }: Pick<CreateNetworkParams, 'ipv6' | 'subnet6'>,
  others: readonly NetworkRecord[],
): string | undefined {
  if (ipv6 === false) {
    if (subnet6 === undefined) return undefined;
    throw terrariumError(ErrorCode.Invalid, `A network without IPv6 cannot have the subnet ${subnet6}`, {
      fix: 'Leave out one of the two.',
    });
  }
  const asked = subnet6 === undefined ? undefined : parseSubnet6(subnet6);
  if (!kernelHasIpv6()) {
    if (asked === undefined && ipv6 === undefined) return undefined;
    throw terrariumError(ErrorCode.Unavailable, 'No network can have IPv6 here', {
      cause: 'The kernel was started or built without it.',
      fix: 'Make it without, or start the kernel without the parameter ipv6.disable=1.',
      doctor: 'ipv6',
    });
  }
  const other = others.find((one) => one.subnet6 !== undefined && one.subnet6 === asked);
  if (other === undefined) return asked ?? subnetOf(randomBytes(5));
  throw terrariumError(ErrorCode.Invalid, `${asked} is the subnet of the network ${other.name}`, {
    fix: 'Choose another one, or none: then one is made up.',
  });
}

/** By name. */
export async function listNetworks(machine: Machine): Promise<NetworkSummary[]> {
  const networks = await readNetworks(machine.locations);
  return Promise.all(
    networks.map(async (network) => summaryOf(machine, network, await endpointsOf(machine, network.name))),
  );
}

/** @throws NotFound */
export async function inspectNetwork(machine: Machine, name: string): Promise<NetworkInspection> {
  const network = readNetwork(machine.locations, name);
  const endpoints = await endpointsOf(machine, name);
  const holder = liveHolder(machine.locations, name);
  const way = await outboundOf(machine.locations, network);
  const subnet = parseSubnet(network.subnet);
  const inIpv6 = (address: number | undefined) =>
    network.subnet6 === undefined || address === undefined
      ? {}
      : { address6: address6(network.subnet6, subnet, address) };
  return {
    ...summaryOf(machine, network, endpoints),
    createdAt: network.createdAt,
    address: addressText(bridgeAddress(subnet)),
    ...inIpv6(bridgeAddress(subnet)),
    ...(holder === undefined ? {} : { holder: holder.init }),
    ...(way === undefined ? {} : { way }),
    members: endpoints
      .flatMap((endpoint) => {
        const address = network.addresses[endpoint.id];
        return endpoint.containers.map((member) => {
          const link = endpoint.link === undefined ? {} : linkShape(endpoint.link);
          return {
            container: member.id,
            name: member.name,
            ...(endpoint.pod === undefined ? {} : { pod: endpoint.pod }),
            running: liveRun(machine, member) !== undefined,
            ...(address === undefined ? {} : { address, ...inIpv6(parseAddress(address)) }),
            ...(Object.keys(link).length === 0 ? {} : { link }),
          };
        });
      })
      .sort((a, b) => a.name.localeCompare(b.name)),
  };
}

/** @throws NotFound; WrongState when it is to have no way out or is not up; Unavailable, StepFailed */
export async function reconnectNetwork(machine: Machine, name: string): Promise<NetworkOutbound> {
  return lockedNetworks(machine.locations, async () => {
    const network = readNetwork(machine.locations, name);
    const holder = liveHolder(machine.locations, name);
    const way = holder === undefined ? undefined : await reconnected(machine, network, holder);
    if (way !== undefined) return way;
    throw terrariumError(
      ErrorCode.WrongState,
      `The network ${name} ${network.outbound === 'none' ? 'has no way out' : 'is not up'}`,
      network.outbound === 'none'
        ? { fix: 'Make one that has.', command: 'terrarium network create --outbound auto NAME' }
        : { fix: 'Start a container in it.' },
    );
  });
}

async function reconnected(machine: Machine, network: NetworkRecord, holder: NetworkHolder) {
  await readyOutbound(machine, network, holder);
  return outboundOf(machine.locations, network);
}

/** @throws NotFound; WrongState while a container in it runs */
export async function removeNetwork(machine: Machine, name: string): Promise<void> {
  const { locations } = machine;
  await lockedNetworks(locations, async () => {
    // A damaged one can be removed; one that is not there is told of.
    if (!(await isNetwork(locations, name))) readNetwork(locations, name);
    const running = containersOf(await endpointsOf(machine, name)).filter(
      (member) => liveRun(machine, member) !== undefined,
    );
    if (running.length > 0) {
      const names = running.map((member) => member.name);
      throw terrariumError(ErrorCode.WrongState, `The network ${name} is in use by ${names.join(', ')}`, {
        fix: 'Stop them first.',
        command: `terrarium stop ${names.join(' ')}`,
      });
    }
    await endNetwork(locations, name);
    await forgetNetwork(locations, name);
  });
}

function containersOf(endpoints: readonly Endpoint[]): ContainerRecord[] {
  return endpoints.flatMap(({ containers }) => containers);
}

function summaryOf(
  machine: Machine,
  { name, subnet, subnet6, outbound }: NetworkRecord,
  endpoints: readonly Endpoint[],
): NetworkSummary {
  const containers = containersOf(endpoints).map(({ id }) => id);
  const state = outboundState(machine.locations, { name, outbound });
  return {
    name,
    subnet,
    ...(subnet6 === undefined ? {} : { subnet6 }),
    outbound,
    ...(state === undefined ? {} : { outboundState: state }),
    live: liveHolder(machine.locations, name) !== undefined,
    containers,
  };
}

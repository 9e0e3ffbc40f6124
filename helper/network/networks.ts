/** Named networks: made, listed, looked at, removed. */
import { readFileSync } from 'node:fs';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { liveRun } from '../container/stop.js';
import {
  type CreateNetworkParams,
  ErrorCode,
  type NetworkInspection,
  type NetworkSummary,
  terrariumError,
} from '../protocol/index.js';
import { type Endpoint, endpointsOf } from './endpoints.js';
import { endHolder, liveHolder } from './holder.js';
import {
  forgetNetwork,
  isNetwork,
  lockedNetworks,
  type NetworkRecord,
  networkFolder,
  readNetwork,
  readNetworks,
  writeNetwork,
} from './store.js';
import {
  addressText,
  bridgeAddress,
  freeSubnet,
  overlap,
  parseSubnet,
  routedSubnets,
  type Subnet,
  subnetText,
} from './subnet.js';

/** Words of the command line for what is no named network. */
const reserved: readonly string[] = ['none', 'host'];

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
  return lockedNetworks(locations, async () => {
    if (await isNetwork(locations, params.name)) {
      throw terrariumError(ErrorCode.NameTaken, `There is a network "${params.name}" already`, {
        fix: 'Choose another name, or remove that one.',
        command: `terrarium network rm ${params.name}`,
      });
    }
    const others = await readNetworks(locations);
    const subnet = params.subnet === undefined ? anySubnet(others) : thisSubnet(params.subnet, others);
    const record: NetworkRecord = {
      version: 1,
      name: params.name,
      createdAt: new Date().toISOString(),
      subnet: subnetText(subnet),
      addresses: {},
    };
    await writeNetwork(locations, record);
    return summaryOf(machine, record, []);
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
  return {
    ...summaryOf(machine, network, endpoints),
    createdAt: network.createdAt,
    address: addressText(bridgeAddress(parseSubnet(network.subnet))),
    ...(holder === undefined ? {} : { holder: holder.init }),
    members: endpoints
      .flatMap((endpoint) => {
        const address = network.addresses[endpoint.id];
        return endpoint.containers.map((member) => ({
          container: member.id,
          name: member.name,
          running: liveRun(machine, member) !== undefined,
          ...(address === undefined ? {} : { address }),
        }));
      })
      .sort((a, b) => a.name.localeCompare(b.name)),
  };
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
    await endHolder(locations, name);
    await forgetNetwork(locations, name);
  });
}

function containersOf(endpoints: readonly Endpoint[]): ContainerRecord[] {
  return endpoints.flatMap(({ containers }) => containers);
}

function summaryOf(machine: Machine, { name, subnet }: NetworkRecord, endpoints: readonly Endpoint[]): NetworkSummary {
  const containers = containersOf(endpoints).map(({ id }) => id);
  return { name, subnet, live: liveHolder(machine.locations, name) !== undefined, containers };
}

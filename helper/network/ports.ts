/**
 * Publishing ports of running containers, and withdrawing them. Each is a process that lives as long as the run, or as the
 * holder of the pod that the container has its network from.
 */
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { writeAtomically } from '../container/atomicFile.js';
import type { Machine } from '../container/machine.js';
import { noteStarted } from '../container/processRecord.js';
import type { ContainerRecord, RuntimeRecord } from '../container/record.js';
import { signalUnlessEnded } from '../container/standStill.js';
import { type LiveRun, liveRun, runningRun } from '../container/stop.js';
import { announceChange } from '../container/watcher.js';
import { isAlive } from '../inspect/stat.js';
import { holderFolder, networkHolder } from '../pods/holder.js';
import { lockedPods } from '../pods/store.js';
import {
  ErrorCode,
  type PortMapping,
  type PublishedPort,
  terrariumError,
  type WithdrawPortParams,
} from '../protocol/index.js';
import { hasLoopback6 } from './ipv6.js';
import { livePorts, portsFile } from './publishedPorts.js';
import { portText, startPublisher, type WholeMapping } from './publisher.js';

/** With the defaults filled in: without an address it is at both of localhost's, for programs try ::1 first. */
export function wholeMapping({ protocol = 'tcp', address, ...ports }: PortMapping): WholeMapping {
  const also = address === undefined && hasLoopback6() ? { alsoAt: '::1' } : {};
  return { protocol, address: address ?? '127.0.0.1', ...also, ...ports };
}

/** Where ports lead to, and the folder in which they are noted. */
type PortPlace = Pick<LiveRun, 'folder'> & { runtime: Pick<RuntimeRecord, 'init' | 'monitor'> };

/** Of the pod, when the network is its own; of one whose holder was killed the containers publish theirs. */
function placeOf({ locations }: Machine, { specification }: ContainerRecord, run: LiveRun): PortPlace {
  const { pod } = specification;
  const holder = networkHolder(locations, specification);
  return pod === undefined || holder === undefined ? run : { folder: holderFolder(locations, pod), runtime: holder };
}

/** Runs `work` while nobody else changes the ports of a pod; a container's own are under its lock. */
function alone<T>(machine: Machine, { specification }: ContainerRecord, work: () => Promise<T>): Promise<T> {
  return specification.pod === undefined ? work() : lockedPods(machine.locations, work);
}

/** Those that are published now. */
export function listPorts(machine: Machine, record: ContainerRecord): PublishedPort[] {
  const run = liveRun(machine, record);
  return run === undefined ? [] : livePorts(placeOf(machine, record, run).folder);
}

/**
 * Publishes a port until the container ends or it is withdrawn. The caller holds the container's lock.
 * @throws WrongState, Invalid, Unavailable
 */
export async function publishPort(
  machine: Machine,
  record: ContainerRecord,
  port: PortMapping,
): Promise<PublishedPort> {
  if (sharesHostNetwork(record)) {
    throw terrariumError(ErrorCode.Invalid, `${record.name} has this machine's network: its ports are this machine's`, {
      fix: 'Reach it at the port that it listens at, or give it a network of its own.',
    });
  }
  const run = runningRun(machine, record);
  const published = await alone(machine, record, () =>
    publishAt(machine, placeOf(machine, record, run), wholeMapping(port)),
  );
  announceChange(machine);
  return published;
}

/** The caller has the lock of the place. */
export async function publishAt(
  machine: Pick<Machine, 'stage'>,
  { folder, runtime }: PortPlace,
  mapping: WholeMapping,
): Promise<PublishedPort> {
  const others = livePorts(folder);
  const published = { ...mapping, publisher: await startPublisher(machine, runtime, mapping) };
  await noteStarted(portsFile(folder), published.publisher, [...others, published]);
  return published;
}

function sharesHostNetwork({ config }: ContainerRecord): boolean {
  return !config.linux.namespaces.some(({ type }) => type === 'network');
}

const endMilliseconds = 10_000;

/** Ends what publishes it. The caller holds the container's lock. @throws NotFound when it is not published */
export async function withdrawPort(
  machine: Machine,
  record: ContainerRecord,
  { hostPort, protocol = 'tcp', address }: Omit<WithdrawPortParams, 'container'>,
): Promise<void> {
  const run = runningRun(machine, record);
  await alone(machine, record, async () => {
    const { folder } = placeOf(machine, record, run);
    const ports = livePorts(folder);
    const port = ports.find(
      (one) =>
        one.hostPort === hostPort && one.protocol === protocol && (address === undefined || one.address === address),
    );
    if (port === undefined) {
      throw terrariumError(ErrorCode.NotFound, `${record.name} does not publish port ${hostPort}/${protocol}`, {
        fix: 'See which it does.',
        command: `terrarium port list ${record.name}`,
      });
    }
    await endPublisher(port);
    const left = ports.filter((one) => one !== port);
    await writeAtomically(portsFile(folder), JSON.stringify(left), { durable: false });
  });
  announceChange(machine);
}

async function endPublisher(port: PublishedPort): Promise<void> {
  signalUnlessEnded(port.publisher, constants.signals.SIGTERM);
  for (const deadline = Date.now() + endMilliseconds; isAlive(port.publisher); await delay(2)) {
    if (Date.now() > deadline) {
      throw terrariumError(ErrorCode.WrongState, `${portText(port)} is not withdrawn: its process does not end`, {
        command: `kill ${port.publisher.pid}`,
      });
    }
  }
}

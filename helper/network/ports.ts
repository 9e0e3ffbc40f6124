/** Publishing ports of running containers, and withdrawing them. Each is a process that lives as long as the run. */
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { writeAtomically } from '../container/atomicFile.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { signalUnlessEnded } from '../container/standStill.js';
import { liveRun, runningRun } from '../container/stop.js';
import { announceChange } from '../container/watcher.js';
import { isAlive } from '../inspect/stat.js';
import {
  ErrorCode,
  type PortMapping,
  type PublishedPort,
  terrariumError,
  type WithdrawPortParams,
} from '../protocol/index.js';
import { livePorts, portsFile } from './publishedPorts.js';
import { portText, startPublisher, type WholeMapping } from './publisher.js';

/** With the defaults filled in. Pure. */
export function wholeMapping({ protocol = 'tcp', address = '127.0.0.1', ...ports }: PortMapping): WholeMapping {
  return { protocol, address, ...ports };
}

/** Those that are published now. */
export function listPorts(machine: Machine, record: ContainerRecord): PublishedPort[] {
  const run = liveRun(machine, record);
  return run === undefined ? [] : livePorts(run.folder);
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
  const mapping = wholeMapping(port);
  const publisher = await startPublisher(machine, run.runtime, mapping);
  const published = { ...mapping, publisher };
  const file = portsFile(run.folder);
  await writeAtomically(file, JSON.stringify([...livePorts(run.folder), published]), { durable: false });
  announceChange(machine);
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
  const ports = livePorts(run.folder);
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
  signalUnlessEnded(port.publisher, constants.signals.SIGTERM);
  for (const deadline = Date.now() + endMilliseconds; isAlive(port.publisher); await delay(2)) {
    if (Date.now() > deadline) {
      throw terrariumError(ErrorCode.WrongState, `${portText(port)} is not withdrawn: its process does not end`, {
        command: `kill ${port.publisher.pid}`,
      });
    }
  }
  const left = ports.filter((one) => one !== port);
  await writeAtomically(portsFile(run.folder), JSON.stringify(left), { durable: false });
  announceChange(machine);
}

/** Published ports of pods. They lead into the holder's network namespace, which is that of all containers, and end with it. */
import type { Machine } from '../container/machine.js';
import { publishAt, wholeMapping } from '../network/ports.js';
import { livePorts } from '../network/publishedPorts.js';
import type { PortMapping, PublishedPort } from '../protocol/index.js';
import { holderFolder, liveHolder, type PodHolder } from './holder.js';
import type { PodRecord } from './store.js';

/** Those that are published now. */
export function podPorts({ locations }: Pick<Machine, 'locations'>, pod: string): PublishedPort[] {
  return liveHolder(locations, pod) === undefined ? [] : livePorts(holderFolder(locations, pod));
}

/**
 * Publishes the pod's ports, as far as they are not: all of them with a new holder. The caller has the lock of pods.
 * @throws WrongState, Invalid, Unavailable for one that cannot be had
 */
export async function publishMissing(machine: Machine, pod: PodRecord, holder: PodHolder): Promise<void> {
  const published = podPorts(machine, pod.name);
  const missing = pod.ports.map(wholeMapping).filter((mapping) => !published.some((port) => isSame(port, mapping)));
  const place = { folder: holderFolder(machine.locations, pod.name), runtime: holder };
  for (const mapping of missing) await publishAt(machine, place, mapping);
}

function isSame(one: Required<PortMapping>, other: Required<PortMapping>): boolean {
  return one.protocol === other.protocol && one.address === other.address && one.hostPort === other.hostPort;
}

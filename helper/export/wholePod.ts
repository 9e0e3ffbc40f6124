import { readGroupResources } from '../container/groupStore.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { containersOf } from '../pods/members.js';
import { readPod } from '../pods/store.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import { archiveName } from './archiveName.js';
import { baseImage, refuseHostRoot } from './base.js';
import { type Pod, podManifest } from './pod.js';
import type { MemberFacts } from './podContainer.js';

/** A Pod manifest with all containers of a pod. @throws NotFound; Unavailable for one without containers, or without an image */
export async function wholePod(machine: Machine, name: string): Promise<Pod> {
  const { shares, network, ports, hostname } = readPod(machine.locations, name);
  const records = containersOf(await machine.store.list(), name);
  if (records.length === 0) {
    throw terrariumError(ErrorCode.Unavailable, `The pod ${name} has no containers: there is nothing to export`, {
      fix: 'Make some in it first, from images.',
      command: `terrarium run -d --pod ${name} --root IMAGE`,
    });
  }
  const members: MemberFacts[] = [];
  for (const record of records) members.push(await memberFacts(machine, record));
  return podManifest({
    name,
    shares,
    ...(network === undefined ? {} : { network }),
    ports,
    ...(hostname === undefined ? {} : { hostname }),
    members,
    isLimited: Object.keys(readGroupResources(machine.locations, name) ?? {}).length > 0,
  });
}

/** What a Pod says of a container. @throws Unavailable when there is no image that it could name */
export async function memberFacts(machine: Machine, record: ContainerRecord): Promise<MemberFacts> {
  refuseHostRoot(record, 'named by a Pod');
  const { name, specification, config } = record;
  return { name, image: elsewhere((await baseImage(machine, record))?.name, name), specification, config };
}

/** How an image is called elsewhere. @throws Unavailable without one, or when nobody else could call it so */
export function elsewhere(image: string | undefined, subject: string): string {
  const called = image === undefined ? undefined : archiveName(image);
  if (called !== undefined) return called;
  throw terrariumError(ErrorCode.Unavailable, `There is no image that a Pod of ${subject} could name`, {
    cause:
      image === undefined
        ? 'It was not made from an image that is still there.'
        : `${image} is no name that Docker allows.`,
    fix: image === undefined ? 'Make an image of it first, and export that.' : 'Give the image another name.',
  });
}

import * as path from 'node:path/posix';
import type { MountInfo, oci } from '../protocol/index.js';
import type { MountRecord } from './mountRecord.js';
import type { ContainerRecord } from './record.js';

/** A destination as the kernel writes it, as far as no link is on the way. */
export function plainDestination(destination: string): string {
  return path.normalize(destination).replace(/(.)\/$/, '$1');
}

type Asked = Pick<ContainerRecord, 'config' | 'specification'>;

/** The mounts of a running container with whose they are: see `MountInfo.origin`. Pure. */
export function withOrigins(table: readonly MountInfo[], record: Asked, since: MountRecord): MountInfo[] {
  const added = new Map(since.mounts.map(({ id, mount }) => [id, mount]));
  const destinations = new Set((record.specification.mounts ?? []).map((mount) => plainDestination(mount.destination)));
  const atStart = new Set(
    [...destinations].flatMap((destination) => {
      if (since.removed.includes(destination)) return [];
      const there = table.filter((mount) => mount.destination === destination && !added.has(mount.id));
      // Below it may lie what every container has there, above it what a process inside has mounted.
      return there[count(record.config.mounts, destination) - 1]?.id ?? [];
    }),
  );
  return table.map((mount): MountInfo => {
    const asked = added.get(mount.id);
    const kept = destinations.has(asked === undefined ? mount.destination : plainDestination(asked.destination));
    if (asked !== undefined) return { ...mount, origin: 'added', kept };
    return atStart.has(mount.id) ? { ...mount, origin: 'specification', kept } : mount;
  });
}

function count(mounts: readonly oci.Mount[], destination: string): number {
  return mounts.filter((mount) => plainDestination(mount.destination) === destination).length;
}

/** The record with one more mount, as asked for and as it is carried out. Pure. */
export function withMount<R extends Asked>(record: R, asked: oci.Mount, whole: oci.Mount): R {
  return {
    ...record,
    specification: { ...record.specification, mounts: [...(record.specification.mounts ?? []), asked] },
    config: { ...record.config, mounts: [...record.config.mounts, whole] },
  };
}

/** The record without what was asked for at a destination; what every container has there stays. Pure. */
export function withoutMount<R extends Asked>(record: R, destination: string): R {
  const isThere = (mount: oci.Mount) => plainDestination(mount.destination) === destination;
  const asked = record.specification.mounts ?? [];
  const others = count(record.config.mounts, destination) - asked.filter(isThere).length;
  let seen = 0;
  return {
    ...record,
    specification: { ...record.specification, mounts: asked.filter((mount) => !isThere(mount)) },
    config: { ...record.config, mounts: record.config.mounts.filter((mount) => !isThere(mount) || ++seen <= others) },
  };
}

/** What is new in a mount table, and lies on nothing that is new. Pure. */
export function newMount(before: readonly MountInfo[], after: readonly MountInfo[]): MountInfo | undefined {
  const known = new Set(before.map(({ id }) => id));
  const made = after.filter(({ id }) => !known.has(id));
  return made.find(({ parent }) => made.every(({ id }) => id !== parent));
}

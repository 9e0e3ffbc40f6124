import type { ContainerRecord } from '../container/record.js';

/** The containers that were made in a pod. Pure. */
export function containersOf<T extends Pick<ContainerRecord, 'specification'>>(
  records: readonly T[],
  pod: string,
): T[] {
  return records.filter(({ specification }) => specification.pod === pod);
}

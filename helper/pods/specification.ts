/** What a container is like because of the pod that it is in. */

import type { Locations } from '../container/locations.js';
import {
  type ContainerSpecification,
  ErrorCode,
  type NamespaceChoice,
  type PodNamespace,
  terrariumError,
} from '../protocol/index.js';
import { findPod, type PodRecord } from './store.js';

type Pod = Pick<PodRecord, 'name' | 'shares' | 'network' | 'hostname'>;

/** Fields of a specification that say what the pod has said already, by the namespace that they are about. */
const fields: Readonly<Record<PodNamespace, readonly ('network' | 'ports' | 'hostname')[]>> = {
  network: ['network', 'ports'],
  uts: ['hostname'],
  ipc: [],
  pid: [],
};

/**
 * A specification as it is kept: in the pod's group, for its limits. Pure.
 * @throws Invalid for what the pod shares, or its group, chosen again
 */
export function memberSpecification(specification: ContainerSpecification, pod: Pod): ContainerSpecification {
  const { group, chroot, namespaces = {} } = specification;
  const refused = [
    ...(group === undefined || group === pod.name ? [] : ['group']),
    ...(chroot === true ? ['chroot'] : []),
    ...pod.shares.flatMap((type) => [
      ...fields[type].filter((field) => specification[field] !== undefined),
      ...(type !== 'network' && namespaces[type] !== undefined ? [`namespaces.${type}`] : []),
    ]),
  ];
  if (refused.length === 0) return { ...specification, group: pod.name };
  throw terrariumError(ErrorCode.Invalid, `In the pod ${pod.name} a container cannot choose ${refused.join(' and ')}`, {
    cause: `The pod has one for all of its containers: they share ${pod.shares.join(', ')} and a group of limits.`,
    fix: 'Leave it out here, and choose it when the pod is made.',
    command: `terrarium pod inspect ${pod.name}`,
  });
}

/** Nobody's: where it only counts that a namespace is joined. */
const anybody = 1;

/**
 * The same as a container of its own would be specified that joins the namespaces of the pod's holder. Pure.
 * @param holder its pid, which is another one after each start of the pod
 */
export function joinedSpecification(
  specification: ContainerSpecification,
  pod: Pod,
  holder = anybody,
): ContainerSpecification {
  const joined: NamespaceChoice = { process: holder };
  const shared = pod.shares.filter((type) => type !== 'network');
  const namespaces = Object.fromEntries(shared.map((type) => [type, joined]));
  return {
    ...specification,
    ...(pod.shares.includes('uts') && pod.hostname !== undefined ? { hostname: pod.hostname } : {}),
    ...(pod.shares.includes('network')
      ? { network: pod.network?.kind === 'host' ? { kind: 'host' } : { kind: 'process', pid: holder } }
      : {}),
    namespaces: { ...specification.namespaces, ...namespaces },
  };
}

/** What a container is in full: with what its pod says, as long as that is there. */
export function wholeSpecification(
  locations: Pick<Locations, 'pods'>,
  specification: ContainerSpecification,
): ContainerSpecification {
  const pod = specification.pod === undefined ? undefined : findPod(locations, specification.pod);
  return pod === undefined ? specification : joinedSpecification(specification, pod);
}

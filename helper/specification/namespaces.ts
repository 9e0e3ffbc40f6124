/**
 * Whose namespaces a container is in: what was chosen, what follows from it, and what the kernel takes of it. Pure.
 * Sources: user_namespaces(7), pid_namespaces(7), setns(2).
 */
import type { ContainerSpecification, NamespaceChoice, NamespaceReference, oci } from '../protocol/index.js';

/** What decides it. */
export type NamespaceQuestion = Pick<ContainerSpecification, 'namespaces' | 'network' | 'timeOffsets' | 'chroot'>;
export type WholeChoice = Record<oci.NamespaceType, NamespaceChoice>;

/** In the order in which a configuration has them. */
const types: readonly oci.NamespaceType[] = ['user', 'mount', 'uts', 'ipc', 'network', 'pid', 'cgroup', 'time'];

export const isJoined = (choice: NamespaceChoice | undefined): choice is NamespaceReference =>
  typeof choice === 'object';

/** The choice for every type, with the defaults. */
export function namespaceChoices({ namespaces = {}, network, timeOffsets, chroot }: NamespaceQuestion): WholeChoice {
  const usual = chroot === true ? 'host' : 'new';
  return {
    // Without these two an ordinary user could not mount even the root.
    user: namespaces.user ?? 'new',
    mount: namespaces.mount ?? 'new',
    uts: namespaces.uts ?? usual,
    ipc: namespaces.ipc ?? usual,
    network: networkChoice(network, usual),
    pid: namespaces.pid ?? usual,
    cgroup: namespaces.cgroup ?? usual,
    time: namespaces.time ?? (timeOffsets === undefined || chroot === true ? 'host' : 'new'),
  };
}

function networkChoice(network: ContainerSpecification['network'], usual: NamespaceChoice): NamespaceChoice {
  switch (network?.kind) {
    case undefined:
      return usual;
    case 'host':
      return 'host';
    case 'container':
      return { container: network.container };
    case 'process':
      return { process: network.pid };
    case 'none':
    case 'bridge':
      return 'new';
  }
}

/** All that are not this machine's, new or joined: who enters the container enters these. */
export function namespacesOf(question: NamespaceQuestion): oci.NamespaceType[] {
  const choices = namespaceChoices(question);
  return types.filter((type) => choices[type] !== 'host');
}

export interface RefusedChoice {
  /** `network` stands for the field of that name. */
  type: oci.NamespaceType;
  message: string;
}

/** What no kernel takes from an ordinary user, whatever is on the machine: each with why, and what to choose instead. */
export function refusedNamespaces(question: NamespaceQuestion): RefusedChoice[] {
  const choices = namespaceChoices(question);
  const refused: RefusedChoice[] = [];
  const refuse = (type: oci.NamespaceType, message: string) => refused.push({ type, message });
  if (choices.mount === 'host') {
    refuse(
      'mount',
      'without a mount namespace of its own nothing can be mounted, not even its root: for that CAP_SYS_ADMIN is needed out here. What comes nearest is "chroot": true, which leaves all others this machine’s',
    );
  }
  if (isJoined(choices.mount)) {
    refuse(
      'mount',
      'a container’s root is mounted in a mount namespace of its own. To run something in another’s root, enter that one',
    );
  }
  if (choices.user === 'host') {
    refuse(
      'user',
      'without a user namespace of its own every other new namespace needs CAP_SYS_ADMIN out here, which an ordinary user has not. Choose "new", or that of a container',
    );
  }
  if (isJoined(choices.user) && question.network?.kind === 'bridge') {
    refuse(
      'network',
      'a network namespace in the user namespace of another cannot be connected to a named network: choose a new user namespace, or the network of a container that is connected',
    );
  }
  return refused;
}

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
  const { pid = usual } = namespaces;
  return {
    // Whoever is in a pid namespace needs its /proc, which only those may mount who own it.
    user: namespaces.user ?? (isJoined(pid) ? pid : 'new'),
    // Without one of its own an ordinary user could not mount even the root.
    mount: namespaces.mount ?? 'new',
    uts: namespaces.uts ?? usual,
    ipc: namespaces.ipc ?? usual,
    network: networkChoice(network, usual),
    pid,
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

/** Whether the container's root has a say over it: made with its user namespace, or joined together with that. */
export function isOwned(choices: WholeChoice, type: oci.NamespaceType): boolean {
  const choice = choices[type];
  return choice === 'new' || (isJoined(choice) && isSame(choice, choices.user));
}

const isSame = (one: NamespaceChoice, other: NamespaceChoice): boolean =>
  isJoined(one) && isJoined(other)
    ? 'container' in one
      ? 'container' in other && one.container === other.container
      : 'process' in other && one.process === other.process
    : one === other;

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
      'without a mount namespace of its own nothing can be mounted, not even its root: for that CAP_SYS_ADMIN is needed outside. What comes nearest is "chroot": true, which leaves all others this machine’s',
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
      'without a user namespace of its own CAP_SYS_ADMIN is needed for every other namespace, which an ordinary user has not. Choose new, or another container’s',
    );
  }
  if (!isJoined(choices.user)) {
    if (isJoined(choices.pid)) {
      refuse(
        'pid',
        'its processes are seen in a /proc that only its own user namespace may mount: take "user" from the same one, or leave it out',
      );
    }
    return refused;
  }
  if (isJoined(choices.pid) && !isSame(choices.pid, choices.user)) {
    refuse('pid', 'its /proc can be mounted only in the user namespace that owns it: take both from the same one');
  }
  if (choices.pid === 'host') {
    refuse(
      'pid',
      'who is root in the user namespace it joins could then trace the processes that make the container, which are this machine’s: choose a new pid namespace, or a new user namespace',
    );
  }
  if (question.network?.kind === 'bridge') {
    refuse(
      'network',
      'only a network namespace below Terrarium’s own user namespace can be connected to a named network: take the network of the container whose user namespace it joins, or choose a new user namespace',
    );
  }
  return refused;
}

import type { Step, StepKind } from '../plan/step.js';
import { mounts } from './explainMounts.js';
import { namespaces } from './explainNamespaces.js';
import { network } from './explainNetwork.js';
import { privileges } from './explainPrivileges.js';
import { processes } from './explainProcesses.js';
import type { Explanation } from './explanation.js';

const explanations: Readonly<Record<StepKind, Explanation>> = {
  ...processes,
  ...namespaces,
  ...mounts,
  ...network,
  ...privileges,
};

/** What mounts are for, by destination: more telling than the general sentence. */
const mountPurposes: Readonly<Record<string, string>> = {
  '/proc': 'A /proc of its own shows the processes of this pid namespace and no others.',
  '/dev': 'A /dev of its own holds the few devices that every program may have.',
  '/dev/pts': 'Terminals of its own: nobody inside can open a terminal of the host.',
  '/dev/shm': 'Shared memory of its own.',
  '/dev/mqueue': 'POSIX message queues of its own.',
  '/sys': 'A /sys that shows the interfaces of this network namespace, read-only.',
  '/sys/fs/cgroup': 'The cgroup tree from the container’s own group down, read-only.',
  '/etc/hosts': 'The addresses of all containers in its network, by name.',
  '/tmp': 'Temporary files of its own, in memory.',
  '/run': 'Run-time state of its own: the host’s sockets are not reachable.',
};

/** Why this very step is there. */
export function explain(step: Step): Explanation {
  const general = explanations[step.kind];
  if (step.kind === 'mount' && step.type === 'overlay') {
    return {
      purpose: 'Mount the root: read-only layers below, a private writable layer on top.',
      without: 'writes would change the layers that other containers (or this machine) use',
      manual: ['mount(2)', 'https://docs.kernel.org/filesystems/overlayfs.html'],
    };
  }
  if (step.kind === 'mount' || step.kind === 'bind') {
    const purpose = mountPurposes[step.destination];
    if (purpose !== undefined) return { ...general, purpose };
    if (step.kind === 'bind' && step.device !== 0n) {
      return {
        purpose:
          'A device file cannot be made in a user namespace: the host’s is bound, after a check that it is what it says.',
        without: `${step.destination} would be missing`,
        manual: general.manual,
      };
    }
  }
  if (step.kind === 'bringUp' && step.interface !== 'lo') {
    return {
      purpose: 'Bring the interface up: a new one is down.',
      without: 'nothing could be sent or received through it',
      manual: ['netdevice(7)'],
    };
  }
  if (step.kind === 'writeFile') {
    if (step.path.endsWith('/timens_offsets')) {
      return {
        purpose: 'Shift the clocks of the time namespace.',
        without: 'they would show the host’s',
        manual: ['time_namespaces(7)'],
      };
    }
    if (step.path.endsWith('/oom_score_adj')) {
      return {
        purpose: 'Say how readily the kernel kills it when memory runs out.',
        without: 'it would inherit the editor’s',
        manual: ['proc(5)'],
      };
    }
    if (step.path.endsWith('/accept_ra')) {
      return {
        purpose: 'Listen to nobody who says to be a router of IPv6.',
        without: 'any container of the network could have what others send led to it',
        manual: ['icmp(7)', 'sysctl(8)'],
      };
    }
    if (step.path.endsWith('/accept_dad')) {
      return {
        purpose: 'Use addresses of IPv6 at once, without asking whether another has them.',
        without: 'they could not be used for a second',
        manual: ['ipv6(7)', 'sysctl(8)'],
      };
    }
    if (step.path.endsWith('/disable_ipv6')) {
      return {
        purpose: 'Have no IPv6 on this interface: the network was made without it.',
        without: 'it would have an address of the link',
        manual: ['ipv6(7)', 'sysctl(8)'],
      };
    }
  }
  return general;
}

import type { StepKind } from '../plan/step.js';
import type { Explanation } from './explanation.js';

/** Steps that make namespaces, or enter those of others. */
export const namespaces = {
  unshare: {
    purpose: 'Make a namespace that has to be made after the process exists.',
    without: 'the container would see that part of the machine as it is',
    manual: ['unshare(2)', 'cgroup_namespaces(7)', 'time_namespaces(7)'],
  },
  mapIds: {
    purpose: 'Say which users and groups inside stand for which outside.',
    without: 'every id inside would be 65534, nobody, and root inside could do nothing',
    manual: ['user_namespaces(7)', 'newuidmap(1)'],
  },
  setNamespaces: {
    purpose: 'Enter the namespaces of a running process, by a descriptor that cannot come to mean another process.',
    without: 'the command would run outside of the container, or a network would not be shared',
    manual: ['setns(2)', 'pidfd_open(2)'],
  },
  joinNamespace: {
    purpose: 'Join a namespace that another container has.',
    without: 'the two would not share it',
    manual: ['setns(2)', 'namespaces(7)'],
  },
  bindNamespace: {
    purpose: 'Give a namespace a name in a mount namespace that nobody else sees.',
    without: 'a program without rights over the process that is in it could not enter it',
    manual: ['namespaces(7)', 'mount(2)'],
  },
  holdNamespaces: {
    purpose:
      'Take hold of a process whose namespaces are joined at the clone, so that its pid cannot come to mean another.',
    without: 'the container would have namespaces of its own instead of sharing them',
    manual: ['pidfd_open(2)', 'setns(2)'],
  },
  checkUserNamespace: {
    purpose:
      'Make sure that this happens in the user namespace of the process that was named, which the container has, too.',
    without: 'the container could have the users and the root of another one',
    manual: ['user_namespaces(7)', 'pidfd_open(2)'],
  },
  killLeft: {
    purpose:
      'Keep the user namespace and the shared pid namespace open: when the command ends, the monitor kills all that is still in both.',
    without: 'what the command leaves running would stay until the shared pid namespace ends',
    manual: ['pid_namespaces(7)', 'ioctl_nsfs(2)', 'kill(2)'],
  },
  openNamespace: {
    purpose:
      'Take hold of a namespace, while this process may still look at the one that is in it, and check that it is the one meant.',
    without: 'there would be nothing to enter',
    manual: ['namespaces(7)', 'ioctl_ns(2)'],
  },
  enterNamespace: {
    purpose: 'Enter the namespace that is held.',
    without: 'what follows would happen to that part of the machine as it is outside',
    manual: ['setns(2)'],
  },
  openRoot: {
    purpose: 'Take hold of the root folder of the process that is entered.',
    without: 'a root that was chosen by chroot would be missed',
    manual: ['proc_pid_root(5)'],
  },
  enterRoot: {
    purpose: 'Make that folder the root.',
    without: 'paths would begin at the root of the mount namespace, which can be another one',
    manual: ['chroot(2)'],
  },
  setHostname: {
    purpose: 'Give the container a name of its own.',
    without: 'it would carry the name of the host',
    manual: ['sethostname(2)', 'uts_namespaces(7)'],
  },
  setDomainname: {
    purpose: 'Set the NIS domain name.',
    without: 'it would be the host’s',
    manual: ['setdomainname(2)'],
  },
} as const satisfies Partial<Record<StepKind, Explanation>>;

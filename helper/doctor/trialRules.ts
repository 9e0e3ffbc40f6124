import type { DoctorLineId } from '../protocol/index.js';
import { type Failure, isErrno, type Rule } from './explanation.js';
import { sysctlCommand } from './namespaceRules.js';
import { missingModule, unknownLink, unknownNat, unknownQdisc } from './networkRules.js';

const moduleMissing =
  (module: string, errnos: readonly string[]): Rule =>
  (failure) =>
    isErrno(failure, ...errnos) ? missingModule(module) : undefined;

/** A namespace of a kind that the kernel was not built with. */
const notBuilt = (failure: Failure, what: string, option: string) =>
  isErrno(failure, 'EINVAL')
    ? {
        cause: `The kernel was built without ${what} (${option}).`,
        fix: 'Boot a kernel that has them, such as the one of your distribution.',
        command: `grep ${option} "/boot/config-$(uname -r)"`,
      }
    : undefined;

const keyring: Rule = (failure) => {
  if (isErrno(failure, 'EDQUOT')) {
    return {
      cause: 'You have as many keys in the kernel as one user may (kernel.keys.maxkeys, maxbytes).',
      fix: 'End sessions that hold keys, or raise the limit.',
      command: sysctlCommand('kernel.keys.maxkeys = 2000'),
    };
  }
  return isErrno(failure, 'ENOSYS', 'EPERM', 'EACCES', 'EOPNOTSUPP')
    ? {
        cause:
          'The kernel was built without keyrings, or a seccomp filter around us refuses keyctl(2), as Docker’s does.',
        fix: 'In a container, start that one with a profile that allows keyctl. Containers run without.',
      }
    : undefined;
};

const ptrace: Rule = (failure, facts) =>
  isErrno(failure, 'EPERM', 'EACCES')
    ? {
        cause:
          (facts.ptraceScope ?? 0) > 1
            ? `Yama lets ${facts.ptraceScope === 3 ? 'nobody' : 'only administrators'} attach (kernel.yama.ptrace_scope is ${facts.ptraceScope}).`
            : 'A seccomp filter or a security module around us refuses ptrace(2).',
        fix:
          facts.ptraceScope === 3
            ? 'Set it to 1 at the next start of the machine: from 3 there is no way back before.'
            : 'Let processes attach to their own children.',
        ...((facts.ptraceScope ?? 0) > 1 ? { command: sysctlCommand('kernel.yama.ptrace_scope = 1') } : {}),
      }
    : undefined;

const seccompNotify: Rule = (failure) => {
  if (isErrno(failure, 'EBUSY')) {
    return {
      cause: 'A filter around us has a listener already, and there can be only one.',
      fix: 'Start the container around us without a filter that notifies. Only profiles with a supervisor need this.',
    };
  }
  return isErrno(failure, 'EINVAL', 'ENOSYS')
    ? {
        cause: 'The kernel has no notifications for seccomp: they came with Linux 5.0.',
        fix: 'Boot a newer kernel. Only profiles with a supervisor need this.',
        command: 'uname -r',
      }
    : undefined;
};

/** Before 4.14 an action that the kernel does not know kills the process. */
const seccompLog: Rule = (failure) =>
  isErrno(failure, 'ESRCH', 'EINVAL')
    ? {
        cause: 'The kernel does not know SECCOMP_RET_LOG, which came with Linux 4.14.',
        fix: 'Boot a newer kernel, or use a profile that does not log.',
        command: 'cat /proc/sys/kernel/seccomp/actions_avail',
      }
    : undefined;

const idmapped: Rule = (failure, facts) =>
  isErrno(failure, 'EINVAL', 'EPERM', 'EOPNOTSUPP')
    ? {
        cause: `The kernel (${facts.kernel}) does not map ids of a tmpfs: that came with Linux 6.3.`,
        fix: 'Boot a newer kernel, or do without: owners are then shown as they are on this machine.',
        command: 'uname -r',
      }
    : undefined;

const overlayLayers: Rule = (failure, facts) =>
  isErrno(failure, 'EINVAL')
    ? {
        cause: `The kernel (${facts.kernel}) takes the layers of an overlay only in one piece: lowerdir+ came with Linux 6.7.`,
        fix: 'Boot a newer kernel, or keep images to some dozens of layers.',
        command: 'uname -r',
      }
    : undefined;

const lowPort: Rule = (failure) =>
  isErrno(failure, 'EACCES', 'EPERM')
    ? {
        cause: 'The privilege for ports below 1024 was taken from user namespaces by a security module.',
        fix: 'Have servers inside listen on ports from 1024 on, and see the line on switches.',
      }
    : undefined;

const ping: Rule = (failure) =>
  isErrno(failure, 'EACCES', 'EPERM', 'ENOENT', 'EINVAL', 'EROFS')
    ? {
        cause: 'net.ipv4.ping_group_range of a network namespace of our own could not be set, or does not count here.',
        fix: 'Give containers that ping the capability CAP_NET_RAW.',
      }
    : undefined;

const timeNamespace: Rule = (failure) => {
  if (isErrno(failure, 'EINVAL') && failure.step === 'unshare') {
    return notBuilt(failure, 'time namespaces, which came with Linux 5.6', 'CONFIG_TIME_NS');
  }
  return undefined;
};

const cgroupMount: Rule = (failure) =>
  isErrno(failure, 'EPERM', 'EBUSY', 'ENODEV')
    ? {
        cause: 'The kernel refuses a cgroup2 file system of our own: the one outside is covered, or there is none.',
        fix: 'Containers run without /sys/fs/cgroup. Inside another container, start that one with its own cgroup namespace.',
        command: 'findmnt -t cgroup,cgroup2',
      }
    : undefined;

const cgroupClone: Rule = (failure) => {
  if (isErrno(failure, 'EACCES', 'EPERM')) {
    return {
      cause: 'A process may be born in a group only by who may write cgroup.procs of a group above both.',
      fix: 'Restart the zygote inside the delegated group: end your containers, then systemctl --user stop "terrarium-*".',
    };
  }
  return isErrno(failure, 'EOPNOTSUPP', 'EBUSY')
    ? {
        cause: 'The group hands out controllers to groups below, so that it takes no processes.',
        fix: 'Processes are moved into their group right after their birth instead.',
      }
    : undefined;
};

const ipv6: Rule = (failure) =>
  isErrno(failure, 'EOPNOTSUPP', 'ENOTSUP', 'EAFNOSUPPORT', 'EACCES')
    ? {
        cause: 'The kernel was started with ipv6.disable=1 or ipv6.disable_ipv6=1, or built without IPv6.',
        fix: 'Networks of containers have IPv4 alone. To have both, start the kernel without that parameter.',
        command: 'grep -o "ipv6[^ ]*" /proc/cmdline',
      }
    : undefined;

/**
 * What failures of single trials mean, where that is more than the general rules know. By the line of the trial; a rule that
 * has no answer leaves it to those.
 */
export const trialRules: Readonly<Partial<Record<DoctorLineId, Rule>>> = {
  'overlay-layers': overlayLayers,
  'idmapped-mount': idmapped,
  'cgroup-mount': cgroupMount,
  'pid-namespace': (failure) => notBuilt(failure, 'pid namespaces', 'CONFIG_PID_NS'),
  'uts-namespace': (failure) => notBuilt(failure, 'UTS namespaces', 'CONFIG_UTS_NS'),
  'ipc-namespace': (failure) => notBuilt(failure, 'IPC namespaces', 'CONFIG_IPC_NS'),
  network: (failure) => notBuilt(failure, 'network namespaces', 'CONFIG_NET_NS'),
  'cgroup-namespace': (failure) => notBuilt(failure, 'cgroup namespaces', 'CONFIG_CGROUPS'),
  'time-namespace': timeNamespace,
  'cgroup-clone': cgroupClone,
  keyring,
  veth: moduleMissing('veth', unknownLink),
  bridge: moduleMissing('bridge', unknownLink),
  ipv6,
  masquerade: moduleMissing('nft_masq', unknownNat),
  netem: moduleMissing('sch_netem', unknownQdisc),
  'low-port': lowPort,
  ping,
  'seccomp-log': seccompLog,
  'seccomp-notify': seccompNotify,
  ptrace,
};

import { type Explanation, isErrno, isStep, type Rule } from './explanation.js';
import type { Facts } from './facts.js';

/** Puts a sysctl in force, now and after the next start of the machine. */
export function sysctlCommand(setting: string): string {
  return `echo '${setting}' | sudo tee -a /etc/sysctl.d/60-terrarium.conf && sudo sysctl --system`;
}

const makesNamespaces = ['zygote', 'clone', 'unshare'] as const;

/** The kernel answers "No space left on device" for a limit on namespaces, which has nothing to do with a disk. */
const limitReached: Rule = (failure, facts) => {
  if (!isStep(failure, ...makesNamespaces) || !isErrno(failure, 'ENOSPC', 'EUSERS')) return undefined;
  const forbidden = Object.entries(facts.namespaceLimits).find(([, limit]) => limit === 0);
  if (forbidden !== undefined) {
    const setting = `user.max_${forbidden[0]}_namespaces`;
    return {
      doctor: 'switches',
      cause: `This is not about disk space: ${setting} is 0, so no ${forbidden[0]} namespace may be made.`,
      fix: `Raise ${setting}.`,
      command: sysctlCommand(`${setting} = 15000`),
    };
  }
  return {
    doctor: 'switches',
    cause:
      'This is not about disk space: the limit on namespaces is reached (sysctl user.max_*_namespaces), or they are nested more than 32 deep.',
    fix: 'Stop containers you no longer need, or raise the limits. Network namespaces are counted for a moment after their end.',
    command: 'sysctl -a --pattern "^user.max_.*_namespaces"',
  };
};

const apparmor: Rule = (failure, facts) => {
  const needsPrivilege = isStep(
    failure,
    ...makesNamespaces,
    'mapIds',
    'setPropagation',
    'mount',
    'setHostname',
    'bringUp',
  );
  if (!needsPrivilege || !isErrno(failure, 'EPERM', 'EACCES') || facts.apparmorRestriction !== 1) return undefined;
  // Below /proc and in overlays there are other reasons, which the rules on mounts know.
  if (isStep(failure, 'mount') && failure.path.endsWith('/proc')) return undefined;
  return {
    doctor: 'switches',
    cause:
      'AppArmor takes all privileges from user namespaces here (kernel.apparmor_restrict_unprivileged_userns is 1).',
    fix: 'Allow user namespaces for all programs, or write an AppArmor profile with "userns," for the stage.',
    command: sysctlCommand('kernel.apparmor_restrict_unprivileged_userns = 0'),
  };
};

const switchedOff: Rule = (failure, facts) =>
  isStep(failure, ...makesNamespaces) && isErrno(failure, 'EPERM') && facts.unprivilegedUserNamespaces === 0
    ? {
        doctor: 'switches',
        cause: 'User namespaces are switched off for ordinary users (kernel.unprivileged_userns_clone is 0).',
        fix: 'Switch them on.',
        command: sysctlCommand('kernel.unprivileged_userns_clone = 1'),
      }
    : undefined;

const surrounded: Rule = (failure) =>
  isStep(failure, ...makesNamespaces) && isErrno(failure, 'EPERM')
    ? {
        doctor: 'user-namespace',
        cause:
          'Something around us forbids namespaces: a seccomp filter of a surrounding container, a chroot, or an LSM.',
        fix: 'In a container, start that one with a seccomp profile that allows clone and unshare with namespaces.',
        command: 'docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined …',
      }
    : undefined;

const tooManyProcesses: Rule = (failure, facts) =>
  isStep(failure, ...makesNamespaces, 'execute', 'setIds') && isErrno(failure, 'EAGAIN')
    ? {
        cause: `The number of processes is at a limit: pids.max of the container or of a group above it, or RLIMIT_NPROC${
          facts.processLimit === undefined ? '' : ` (${facts.processLimit})`
        }.`,
        fix: 'Raise pids.max of the container, or end processes you no longer need.',
        command: 'ulimit -u; ps -u "$USER" --no-headers | wc -l',
      }
    : undefined;

const subidCommand = 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"';

const mapRefused: Rule = (failure, facts): Explanation | undefined => {
  // The zygote first makes the namespace, then has its ids mapped: only the latter is about ids.
  if (failure.syscall === 'unshare') return undefined;
  if (!isStep(failure, 'mapIds', 'zygote') || !isErrno(failure, 'EPERM', 'EINVAL', 'ECHILD')) return undefined;
  return facts.mapping === 'range'
    ? {
        doctor: 'id-range',
        cause:
          'The kernel or newuidmap does not allow this map of ids: /etc/subuid or /etc/subgid has changed, or newuidmap lost its privileges.',
        fix: 'Look at the ranges, and that newuidmap is setuid root or has cap_setuid.',
        command:
          'grep "^$USER:" /etc/subuid /etc/subgid; ls -l "$(command -v newuidmap)"; getcap "$(command -v newuidmap)"',
      }
    : {
        doctor: 'id-range',
        cause: 'The kernel does not allow this map of ids: without a range only your own id can be mapped.',
        fix: 'Have a range of ids granted.',
        command: subidCommand,
      };
};

const unmappedId: Rule = (failure, facts) =>
  isStep(failure, 'setIds') && isErrno(failure, 'EINVAL', 'EPERM')
    ? {
        doctor: 'id-range',
        cause:
          facts.mapping === 'single'
            ? 'The user or group does not exist in the container: only root is mapped there, because you have no range of ids.'
            : 'The user or group is outside of the range of ids that is mapped into the container.',
        fix:
          facts.mapping === 'single'
            ? 'Run it as root (which is you outside), or have a range of ids granted.'
            : 'Choose an id inside the range, or have a larger range granted.',
        command: subidCommand,
      }
    : undefined;

const targetGone: Rule = (failure) =>
  isStep(failure, 'setNamespaces', 'holdNamespaces', 'checkUserNamespace', 'joinNamespace', 'openNamespace') &&
  isErrno(failure, 'ESRCH', 'ENOENT', 'ESTALE')
    ? { cause: 'The process whose namespaces are to be joined has ended.', fix: 'Start its container again.' }
    : undefined;

const heldUp: Rule = (failure) =>
  isStep(failure, 'clone') && isErrno(failure, 'ETIMEDOUT')
    ? {
        cause: 'A process in the pid namespace that was to be joined kept those that came into it from going on.',
        fix: 'Look at what runs there, or choose a new pid namespace.',
      }
    : undefined;

const targetForeign: Rule = (failure) =>
  isStep(failure, 'setNamespaces', 'holdNamespaces', 'joinNamespace') && isErrno(failure, 'EPERM', 'EACCES', 'EINVAL')
    ? {
        cause: 'The namespaces belong to a user namespace that this one has no say over, such as another zygote’s.',
        fix: 'Restart the other container, so that both belong to the same zygote.',
      }
    : undefined;

const timeOffset: Rule = (failure) =>
  failure.path.endsWith('/timens_offsets') && isErrno(failure, 'ERANGE', 'EINVAL', 'EACCES', 'ENOENT')
    ? {
        doctor: 'time-namespace',
        cause:
          failure.errno === 'ENOENT'
            ? 'This kernel has no time namespaces.'
            : 'The kernel does not take this offset: no clock may become negative, or go beyond half of what it can hold.',
        fix: 'Leave the time offsets out, or choose smaller ones.',
      }
    : undefined;

export const namespaceRules: readonly Rule[] = [
  limitReached,
  apparmor,
  switchedOff,
  tooManyProcesses,
  mapRefused,
  surrounded,
  unmappedId,
  targetGone,
  targetForeign,
  heldUp,
  timeOffset,
];

/** Facts that alone make user namespaces impossible or useless, for the doctor's line on switches. */
export function blockingSwitches(facts: Facts): { setting: string; command: string }[] {
  const found: { setting: string; command: string }[] = [];
  const add = (setting: string, wanted: string): void => {
    found.push({ setting, command: sysctlCommand(wanted) });
  };
  if (facts.apparmorRestriction === 1) {
    add('kernel.apparmor_restrict_unprivileged_userns = 1', 'kernel.apparmor_restrict_unprivileged_userns = 0');
  }
  if (facts.unprivilegedUserNamespaces === 0) {
    add('kernel.unprivileged_userns_clone = 0', 'kernel.unprivileged_userns_clone = 1');
  }
  for (const [kind, limit] of Object.entries(facts.namespaceLimits)) {
    if (limit === 0) add(`user.max_${kind}_namespaces = 0`, `user.max_${kind}_namespaces = 15000`);
  }
  return found;
}

import { isErrno, isStep, type Rule } from './explanation.js';

/** A step of its own kind or not: see launch.c for how long it may take. */
const tooSlow: Rule = (failure) =>
  isErrno(failure, 'ETIMEDOUT')
    ? {
        cause:
          'The process did not get as far as its command in time, and was ended: something inside the container stopped it, or a file system did not answer.',
        fix: 'Look at what runs in the container. If the machine or a disk is busy, try again later.',
      }
    : undefined;

const noCommand: Rule = (failure) =>
  isStep(failure, 'execute') && isErrno(failure, 'ENOENT', 'ENOTDIR')
    ? {
        cause: `The root file system has no ${failure.path || 'such command'}, or lacks the interpreter that it names (#! line, or dynamic loader).`,
        fix: 'Correct the command, or choose a root that has it. Relative names are looked up in PATH inside.',
      }
    : undefined;

const notExecutable: Rule = (failure) =>
  isStep(failure, 'execute') && isErrno(failure, 'EACCES')
    ? {
        cause: `${failure.path || 'The command'} is not executable for the container's user, or is on a mount with noexec.`,
        fix: 'Set its executable bit (chmod +x), choose another user, or mount without noexec.',
      }
    : undefined;

const foreignFormat: Rule = (failure, facts) =>
  isStep(failure, 'execute') && isErrno(failure, 'ENOEXEC', 'ELIBBAD', 'EINVAL')
    ? {
        cause: `${failure.path || 'The command'} is no program for this machine (${facts.architecture}): made for another architecture, or a script without a #! line.`,
        fix: `Use an image for ${facts.architecture}, have the administrator register qemu-user for the other architecture, or run the script by its shell.`,
        command: `file '${failure.path.replaceAll("'", "'\\''")}'`,
      }
    : undefined;

const tooMuch: Rule = (failure) =>
  isStep(failure, 'execute') && isErrno(failure, 'E2BIG')
    ? { cause: 'Arguments and environment together are too long for execve(2).', fix: 'Pass less in the environment.' }
    : undefined;

const noFolder: Rule = (failure) =>
  isStep(failure, 'changeDirectory')
    ? {
        cause: isErrno(failure, 'EACCES')
          ? `The container's user may not enter ${failure.path}.`
          : `${failure.path} is no folder inside the container.`,
        fix: 'Correct the working directory (cwd).',
      }
    : undefined;

const rlimit: Rule = (failure) =>
  isStep(failure, 'setRlimit') && isErrno(failure, 'EPERM', 'EINVAL')
    ? {
        cause: 'The hard limit asked for is above your own, or the soft one above the hard one.',
        fix: 'Ask for no more than "ulimit -H -a" shows.',
        command: 'ulimit -H -a',
      }
    : undefined;

/** Under the filter already: the kernel has taken it. */
const listener: Rule = (failure) =>
  isStep(failure, 'installSeccomp') && failure.syscall === 'sendmsg'
    ? {
        cause: 'The filter refuses sendmsg, by which its listener gets to the monitor that is to count refused calls.',
        fix: 'Allow sendmsg in the profile, or leave "notify" out.',
      }
    : undefined;

const seccomp: Rule = (failure) =>
  isStep(failure, 'installSeccomp')
    ? {
        doctor: 'seccomp',
        cause: isErrno(failure, 'ENOSYS')
          ? 'The kernel was built without seccomp filters, or the filter around us hides them.'
          : 'The kernel does not take the seccomp filter: it is malformed, too long, or no_new_privs is off.',
        fix: 'Use the default profile, with noNewPrivileges on.',
      }
    : undefined;

const sysctl: Rule = (failure) =>
  isStep(failure, 'writeFile') && failure.path.startsWith('/proc/sys/')
    ? {
        cause: isErrno(failure, 'ENOENT')
          ? `The kernel has no ${failure.path}, or it does not belong to a namespace of the container.`
          : isErrno(failure, 'EINVAL', 'ERANGE')
            ? `The kernel does not take this value for ${failure.path}.`
            : `${failure.path} belongs to the whole machine: a container may only set what belongs to its own namespaces.`,
        fix: 'Leave the sysctl out, or choose one of a namespace that is the container’s own (net.*, fs.mqueue.*, kernel.shm*).',
      }
    : undefined;

export const processRules: readonly Rule[] = [
  tooSlow,
  noCommand,
  notExecutable,
  foreignFormat,
  tooMuch,
  noFolder,
  rlimit,
  listener,
  seccomp,
  sysctl,
];

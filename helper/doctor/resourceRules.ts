import { doctorLineOf } from '../cgroup/doctorLines.js';
import { delegateCommand } from '../cgroup/remedy.js';
import type { DoctorLineId } from '../protocol/index.js';
import { type Failure, isErrno, isStep, type Rule } from './explanation.js';
import { mountOf } from './facts.js';

const touchesCgroup = (failure: Failure): boolean =>
  isStep(failure, 'makeCgroup', 'joinCgroup', 'removeCgroup') ||
  /\/(memory|cpu|cpuset|pids|io|blkio|hugetlb|freezer)\.[^/]+$/.test(failure.path);

/** The doctor's line on the controller whose file this is, else the one on groups as such. Pure. */
export function lineOfFile(file: string): DoctorLineId {
  return doctorLineOf(/([a-z]+)(\.[^/]*)$/.exec(file)?.[1] ?? '');
}

const notDelegated: Rule = (failure) =>
  (touchesCgroup(failure) || isStep(failure, 'clone')) && isErrno(failure, 'EACCES', 'EPERM', 'EROFS')
    ? {
        doctor: lineOfFile(failure.path),
        cause: 'The cgroup that the container was to be put into is not yours to write.',
        fix: 'Have cgroups delegated to you, log in again, and restart the container.',
        command: delegateCommand,
      }
    : undefined;

const noSwapAccounting: Rule = (failure) =>
  /memory\.(memsw\.limit_in_bytes|swap\.max)$/.test(failure.path) && isErrno(failure, 'ENOENT')
    ? {
        doctor: 'cgroup-memory',
        cause: 'The kernel does not account for swap, so it cannot limit it.',
        fix: 'Boot with the kernel parameter swapaccount=1, or leave memory.swap.max out.',
      }
    : undefined;

const limitRefused: Rule = (failure) => {
  if (!touchesCgroup(failure) || !isStep(failure, 'writeFile')) return undefined;
  if (isErrno(failure, 'ENOENT')) {
    return {
      doctor: lineOfFile(failure.path),
      cause: `The controller of ${failure.path} is not enabled.`,
      fix: 'Have the controller delegated to you, or leave the limit out.',
      command: delegateCommand,
    };
  }
  if (isErrno(failure, 'EINVAL', 'ERANGE', 'EBUSY')) {
    return {
      cause: `The kernel does not take this value for ${failure.path}: it contradicts another limit, or a limit above.`,
      fix: 'Choose another value.',
    };
  }
  return undefined;
};

const groupBusy: Rule = (failure) =>
  (touchesCgroup(failure) || isStep(failure, 'clone')) && isErrno(failure, 'EBUSY', 'EOPNOTSUPP', 'ENOTSUP')
    ? {
        doctor: 'cgroup',
        cause:
          'The cgroup cannot take processes: it hands out controllers to groups below, or still holds a process that is ending.',
        fix: 'Try again in a moment. If it stays, restart the zygote: systemctl --user stop "terrarium-*".',
      }
    : undefined;

const groupExists: Rule = (failure) =>
  isStep(failure, 'makeCgroup') && isErrno(failure, 'EEXIST')
    ? {
        doctor: 'cgroup',
        cause: `The cgroup ${failure.path} is still there from an earlier run.`,
        fix: 'Remove it, if no process is in it.',
        command: `rmdir '${failure.path}'`,
      }
    : undefined;

const diskFull: Rule = (failure, facts) =>
  isErrno(failure, 'ENOSPC', 'EDQUOT')
    ? {
        doctor: 'data-folder',
        cause:
          failure.errno === 'EDQUOT'
            ? 'Your quota on this file system is used up (keys count too: 200 for each user).'
            : `No space or no inodes are left on ${mountOf(facts, failure.path)?.destination ?? 'the file system'}, or you watch as many files as you may (fs.inotify).`,
        fix: 'Remove containers and images you no longer need.',
        command: 'df -h; df -i',
      }
    : undefined;

const readOnly: Rule = (failure, facts) =>
  isErrno(failure, 'EROFS')
    ? {
        cause: `${failure.path || 'The path'} is on a read-only file system (${mountOf(facts, failure.path)?.destination ?? 'unknown'}).`,
        fix: 'Give the container a writable layer, or make the mount point in the root beforehand.',
      }
    : undefined;

const tooManyFiles: Rule = (failure) =>
  isErrno(failure, 'EMFILE', 'ENFILE')
    ? {
        cause:
          failure.errno === 'EMFILE'
            ? 'The zygote may not open more files (RLIMIT_NOFILE).'
            : 'The machine as a whole has no more files to open (fs.file-max).',
        fix: failure.errno === 'EMFILE' ? 'Raise the limit, and restart the zygote.' : 'Raise fs.file-max.',
        command: failure.errno === 'EMFILE' ? 'ulimit -n' : 'sysctl fs.file-nr',
      }
    : undefined;

const noMemory: Rule = (failure) =>
  isErrno(failure, 'ENOMEM')
    ? {
        cause: 'There is not enough memory: on the machine, or under memory.max of the container.',
        fix: 'Raise memory.max, or free memory.',
        command: 'free -m',
      }
    : undefined;

const forbidden: Rule = (failure) =>
  isErrno(failure, 'EACCES')
    ? {
        cause: `You have no permission for ${failure.path || 'this'}, or the file belongs to somebody who does not exist in your user namespace.`,
        fix: 'Look at the owner and mode of the path and of the folders above it.',
        ...(failure.path === '' ? {} : { command: `namei -l '${failure.path.replaceAll("'", "'\\''")}'` }),
      }
    : undefined;

const busy: Rule = (failure) =>
  isErrno(failure, 'EBUSY')
    ? {
        cause: `${failure.path || 'It'} is in use: mounted elsewhere, or the working directory of a process.`,
        fix: 'Stop what uses it, and try again.',
      }
    : undefined;

const missing: Rule = (failure) =>
  isErrno(failure, 'ENOENT')
    ? { cause: `There is no ${failure.path || 'such file'}.`, fix: 'Correct the path, or make it.' }
    : undefined;

const malformed: Rule = (failure) =>
  isStep(failure, 'decode') || isErrno(failure, 'EBADMSG')
    ? {
        cause:
          'The stage did not understand the plan: helper and zygote are of different versions, or this is a defect.',
        fix: 'Reload the window. If it comes back, report it with the ledger.',
      }
    : undefined;

/** Rules for cgroups; they come before the general ones. */
export const cgroupRules: readonly Rule[] = [noSwapAccounting, groupExists, limitRefused, notDelegated, groupBusy];

/** What an errno means when no rule knows more. */
export const generalRules: readonly Rule[] = [
  malformed,
  diskFull,
  readOnly,
  tooManyFiles,
  noMemory,
  forbidden,
  busy,
  missing,
];

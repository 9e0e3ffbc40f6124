import type { StepKind } from '../plan/step.js';
import type { Explanation } from './explanation.js';

/** Steps that start a process and stay with it: the monitor, its streams, the command, and what of it counts in which cgroup. */
export const processes = {
  monitor: {
    purpose: 'Prepare the monitor: the log file and the socket through which terminals attach.',
    without: "nobody would keep the container's output and exit status once the editor is closed",
    manual: ['unix(7)'],
  },
  makePipes: {
    purpose: 'Make the pipes through which the monitor gets the output.',
    without: 'the output would be lost, or mix with somebody else’s',
    manual: ['pipe(2)'],
  },
  clone: {
    purpose:
      'Make the first process, born into new namespaces: its own view of users, mounts, processes, names and network.',
    without: 'there would be no container: the command would be an ordinary process of yours',
    manual: ['clone(2)', 'namespaces(7)', 'user_namespaces(7)'],
  },
  fork: {
    purpose: 'Go on as a child: a pid namespace that was entered is that of children only.',
    without: 'the command would have its pid outside, and could not be seen by those inside',
    manual: ['pid_namespaces(7)', 'clone(2)'],
  },
  execute: {
    purpose: 'Close every other descriptor and become the command.',
    without: 'nothing would run',
    manual: ['close_range(2)', 'execve(2)'],
  },
  stayInit: {
    purpose: 'Stay as process 1: keep the namespaces alive and reap orphans until the container is stopped.',
    without: 'the container would end at once, having nothing to run',
    manual: ['pid_namespaces(7)', 'wait(2)'],
  },
  lease: {
    purpose: 'End as soon as nobody has this file locked any more.',
    without: 'it would stay until it is killed, whether somebody needs it or not',
    manual: ['flock(2)'],
  },
  useLease: {
    purpose:
      'Keep this file locked as long as the monitor lives: what holds the namespaces of the pod stays until then.',
    without: 'the pod’s holder would end, and later members would find other namespaces',
    manual: ['flock(2)'],
  },
  setSession: {
    purpose: 'Start a session without a terminal.',
    without: 'the process would belong to the session of whoever started it',
    manual: ['setsid(2)'],
  },
  openTerminal: {
    purpose: 'Open a terminal of the container’s own, and hand its other end to the monitor.',
    without: 'job control and Ctrl-C would not work, and bytes could be pushed into your terminal (TIOCSTI)',
    manual: ['pty(7)', 'pts(4)', 'ioctl_tty(2)'],
  },
  changeDirectory: {
    purpose: 'Go to the working folder, and make sure that it lies inside (CVE-2024-21626).',
    without: 'the command would start in /',
    manual: ['chdir(2)', 'getcwd(2)'],
  },
  setRlimit: {
    purpose: 'Set a limit that counts for each process on its own.',
    without: 'the limit of the editor would be inherited',
    manual: ['setrlimit(2)'],
  },
  makeCgroup: {
    purpose: 'Make a cgroup: the group of processes that limits and statistics are about.',
    without: 'memory, CPU and number of processes could not be limited or measured as a whole',
    manual: ['cgroups(7)'],
  },
  shareCgroups: {
    purpose:
      'Note the groups that the container is in together with others, to remove them when the last one has left.',
    without: 'empty groups would stay behind',
    manual: ['cgroups(7)'],
  },
  joinCgroup: {
    purpose: 'Put the process into its cgroup before it does anything.',
    without: 'its limits would not count for it',
    manual: ['cgroups(7)'],
  },
  removeCgroup: { purpose: 'Remove an empty cgroup.', without: 'it would stay', manual: ['cgroups(7)'] },
  trial: {
    purpose: 'Try what programs in containers may need of the kernel.',
    without: 'the doctor would have to guess',
    manual: ['syscalls(2)'],
  },
} as const satisfies Partial<Record<StepKind, Explanation>>;

import type { Step, StepKind } from '../plan/step.js';

export interface Explanation {
  /** One sentence: why the step is there. */
  purpose: string;
  /** What would be missing without it. */
  without: string;
  /** Manual pages, `name(section)`, or the address of a document; the first says most. */
  manual: readonly [string, ...string[]];
}

const explanations: Readonly<Record<StepKind, Explanation>> = {
  monitor: {
    purpose: 'Prepare the monitor: the log file and the socket through which terminals attach.',
    without: "nobody would keep the container's output and exit status once the editor is closed",
    manual: ['unix(7)'],
  },
  makeDirectory: {
    purpose: 'Make a folder that a later step needs.',
    without: 'the later step would find nothing',
    manual: ['mkdir(2)'],
  },
  makeFile: {
    purpose: 'Make an empty file.',
    without: 'there would be nothing to mount a file on',
    manual: ['open(2)'],
  },
  symlink: {
    purpose: 'Make a symbolic link that programs expect.',
    without: 'programs that open /dev/stdout and the like would fail',
    manual: ['symlink(2)'],
  },
  writeFile: {
    purpose: 'Write a setting to the kernel, after a check that the file really is the kernel’s.',
    without: 'the setting would keep its default',
    manual: ['proc(5)', 'cgroups(7)'],
  },
  makeCgroup: {
    purpose: 'Make a cgroup: the group of processes that limits and statistics are about.',
    without: 'memory, CPU and number of processes could not be limited or measured as a whole',
    manual: ['cgroups(7)'],
  },
  countDenied: {
    purpose: 'Have the monitor answer the calls that the filter refuses, and count them by program.',
    without: 'nobody could say which calls were refused to which program',
    manual: ['seccomp_unotify(2)'],
  },
  shareCgroups: {
    purpose:
      'Note the groups that the container is in together with others, to remove them when the last one has left.',
    without: 'empty groups would stay behind',
    manual: ['cgroups(7)'],
  },
  unshare: {
    purpose: 'Make a namespace that has to be made after the process exists.',
    without: 'the container would see that part of the machine as it is',
    manual: ['unshare(2)', 'cgroup_namespaces(7)', 'time_namespaces(7)'],
  },
  setNamespaces: {
    purpose: 'Enter the namespaces of a running process, by a descriptor that cannot come to mean another process.',
    without: 'the command would run outside of the container, or a network would not be shared',
    manual: ['setns(2)', 'pidfd_open(2)'],
  },
  holdNamespaces: {
    purpose:
      'Take hold of a process whose namespaces are joined at the clone, so that its pid cannot come to mean another.',
    without: 'the container would have namespaces of its own instead of sharing them',
    manual: ['pidfd_open(2)', 'setns(2)'],
  },
  prepareMount: {
    purpose:
      'Make a file system that shows a joined namespace, from within it and before the user namespace is entered: only who owns that may.',
    without: 'the container would see the processes, interfaces or queues of this machine, or none',
    manual: ['fsopen(2)', 'user_namespaces(7)'],
  },
  attachPrepared: {
    purpose: 'Put the file system that shows a joined namespace at its place.',
    without: 'programs that look into it would find nothing',
    manual: ['move_mount(2)'],
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
  mapIds: {
    purpose: 'Say which users and groups inside stand for which outside.',
    without: 'every id inside would be 65534, nobody, and root inside could do nothing',
    manual: ['user_namespaces(7)', 'newuidmap(1)'],
  },
  joinCgroup: {
    purpose: 'Put the process into its cgroup before it does anything.',
    without: 'its limits would not count for it',
    manual: ['cgroups(7)'],
  },
  setPropagation: {
    purpose: 'Make all mounts private, so that mounting inside does not show outside, nor the other way.',
    without: 'mounts of the container could appear on the host',
    manual: ['mount_namespaces(7)'],
  },
  mount: {
    purpose: 'Mount a file system.',
    without: 'the container would lack it, or see the host’s',
    manual: ['mount(2)', 'fsopen(2)'],
  },
  bind: {
    purpose: 'Show a file or folder of the host inside, with nosuid, nodev and whatever else was asked.',
    without: 'it would not be there',
    manual: ['open_tree(2)', 'mount_setattr(2)', 'move_mount(2)'],
  },
  holdMountNamespace: {
    purpose:
      'Take hold of the container’s mount namespace, while this process may still look at the container’s first one.',
    without: 'there would be no way back into it once the user namespace is entered',
    manual: ['namespaces(7)', 'ptrace(2)'],
  },
  enterMountNamespace: {
    purpose: 'Enter the container’s mount namespace, with the copy in hand.',
    without: 'it would be mounted where nobody sees it',
    manual: ['setns(2)', 'mount_namespaces(7)'],
  },
  openNamespace: {
    purpose:
      'Take hold of a namespace, while this process may still look at the one that is in it, and check that it is the one meant.',
    without: 'there would be nothing to enter',
    manual: ['namespaces(7)', 'ioctl_ns(2)'],
  },
  enterNamespace: {
    purpose: 'Enter the namespace that is held.',
    without: 'the command would see that part of the machine as it is outside',
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
  fork: {
    purpose: 'Go on as a child: a pid namespace that was entered is that of children only.',
    without: 'the command would have its pid outside, and could not be seen by those inside',
    manual: ['pid_namespaces(7)', 'clone(2)'],
  },
  cloneMount: {
    purpose: 'Copy a mount of the host, where the kernel allows it, with nosuid, nodev and whatever else was asked.',
    without: 'there would be nothing to carry into the container',
    manual: ['open_tree(2)', 'mount_setattr(2)', 'mount_namespaces(7)'],
  },
  createMount: {
    purpose: 'Make a file system that is mounted nowhere yet.',
    without: 'there would be nothing to mount',
    manual: ['fsopen(2)', 'fsmount(2)'],
  },
  attachMount: {
    purpose: 'Mount it at its place in the container, found inside of the root and never in /proc or /sys.',
    without: 'nobody inside would see it',
    manual: ['move_mount(2)', 'openat2(2)'],
  },
  unmount: {
    purpose: 'Unmount what lies there, after a check that it is what was meant.',
    without: 'it would stay',
    manual: ['umount(2)', 'statx(2)'],
  },
  maskPath: {
    purpose: 'Cover a path that tells or changes something about the whole machine.',
    without: 'the container could read it',
    manual: ['move_mount(2)'],
  },
  readonlyPath: {
    purpose: 'Make a path read-only that changes the kernel for everybody.',
    without: 'the container could write to it where file permissions allow',
    manual: ['mount_setattr(2)'],
  },
  setRoot: {
    purpose: 'Hold on to the new root: from here on every path is resolved inside it, links included.',
    without: 'a link in the image could lead a mount to a place on the host',
    manual: ['openat2(2)'],
  },
  pivotRoot: {
    purpose: 'Make the new root the root, and detach the old one: it is gone, not hidden.',
    without: 'the host’s files would still be mounted, and reachable by a way out of chroot',
    manual: ['pivot_root(2)', 'umount(2)'],
  },
  chroot: {
    purpose: 'Change only where paths start. The old root stays mounted: this is weak on purpose, to compare.',
    without: 'the process would see the host’s tree at once',
    manual: ['chroot(2)'],
  },
  setRootAttributes: {
    purpose: 'Make the root read-only.',
    without: 'the container could write to it',
    manual: ['mount_setattr(2)'],
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
  bringUp: {
    purpose: 'Bring the loopback interface up: a new network namespace has it, but down.',
    without: '127.0.0.1 would be unreachable',
    manual: ['network_namespaces(7)', 'netdevice(7)'],
  },
  setRlimit: {
    purpose: 'Set a limit that counts for each process on its own.',
    without: 'the limit of the editor would be inherited',
    manual: ['setrlimit(2)'],
  },
  openTerminal: {
    purpose: 'Open a terminal of the container’s own, and hand its other end to the monitor.',
    without: 'job control and Ctrl-C would not work, and bytes could be pushed into your terminal (TIOCSTI)',
    manual: ['pty(7)', 'pts(4)', 'ioctl_tty(2)'],
  },
  setSession: {
    purpose: 'Start a session without a terminal.',
    without: 'the process would belong to the session of whoever started it',
    manual: ['setsid(2)'],
  },
  setDumpable: {
    purpose: 'Hide this process from those inside while it enters.',
    without: 'a process inside could look at its descriptors and get out through them (CVE-2016-9962)',
    manual: ['prctl(2)'],
  },
  limitBoundingSet: {
    purpose: 'Drop capabilities for good: no program can get them back, not even by a file capability.',
    without: 'root inside would have every capability over its own namespaces',
    manual: ['capabilities(7)', 'prctl(2)'],
  },
  setIds: {
    purpose: 'Become the user that the command is to run as.',
    without: 'it would run as root inside',
    manual: ['setresuid(2)', 'setgroups(2)'],
  },
  setCapabilities: {
    purpose: 'Set the capabilities that are left.',
    without: 'the process would keep all that the bounding set does not stop',
    manual: ['capset(2)', 'capabilities(7)'],
  },
  setNoNewPrivileges: {
    purpose: 'Make sure that executing a setuid file gives nothing.',
    without: 'a setuid program inside could raise privileges',
    manual: ['prctl(2)'],
  },
  installSeccomp: {
    purpose: 'Load the filter that refuses system calls no ordinary program needs.',
    without: 'the whole of the kernel’s interface would be open to attack',
    manual: ['seccomp(2)'],
  },
  changeDirectory: {
    purpose: 'Go to the working folder, and make sure that it lies inside (CVE-2024-21626).',
    without: 'the command would start in /',
    manual: ['chdir(2)', 'getcwd(2)'],
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
  removeTree: { purpose: 'Remove a tree of ours.', without: 'its files would stay on disk', manual: ['unlinkat(2)'] },
  makeBridge: {
    purpose: 'Make the bridge that connects the containers of this network, as a switch does.',
    without: 'they could not reach each other',
    manual: ['rtnetlink(7)', 'bridge(8)', 'veth(4)'],
  },
  makeVeth: {
    purpose: 'Make a pair of interfaces, a cable with one end in the container and the other at the network’s bridge.',
    without: 'the container would have nothing but its loopback',
    manual: ['veth(4)', 'rtnetlink(7)', 'network_namespaces(7)'],
  },
  addAddress: {
    purpose: 'Give the interface an address, and with it the way to all others in the same subnet.',
    without: 'nobody could reach it, nor it anybody',
    manual: ['rtnetlink(7)', 'ip-address(8)'],
  },
  addDefaultRoute: {
    purpose: 'Send what is for elsewhere to the network’s bridge, behind which its way out begins.',
    without: 'only containers of the same network could be reached',
    manual: ['rtnetlink(7)', 'ip-route(8)'],
  },
  masquerade: {
    purpose: 'Have what goes out carry the address of the way out, to which answers find their way.',
    without: 'nobody outside could answer',
    manual: ['nft(8)', 'netlink(7)'],
  },
  setLink: {
    purpose: 'Bring an interface up, or down, which cuts its link.',
    without: 'nothing would pass, or go on passing',
    manual: ['rtnetlink(7)', 'ip-link(8)'],
  },
  addNetem: {
    purpose: 'Have packets that leave by the interface come later, or get lost.',
    without: 'the link would be as good as memory is',
    manual: ['tc-netem(8)', 'rtnetlink(7)'],
  },
  addTokenBucket: {
    purpose: 'Let no more than so many bytes a second leave by the interface.',
    without: 'the link would be as fast as memory is',
    manual: ['tc-tbf(8)', 'rtnetlink(7)'],
  },
  removeQdisc: {
    purpose: 'Have packets leave by the interface at once again.',
    without: 'the link would stay slow',
    manual: ['tc(8)', 'rtnetlink(7)'],
  },
  removeCgroup: { purpose: 'Remove an empty cgroup.', without: 'it would stay', manual: ['cgroups(7)'] },
  trial: {
    purpose: 'Try what programs in containers may need of the kernel.',
    without: 'the doctor would have to guess',
    manual: ['syscalls(2)'],
  },
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
  }
  return general;
}

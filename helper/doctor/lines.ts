import { type DoctorGroup, type DoctorLine, type DoctorLineId, doctorGroups } from '../protocol/index.js';
import type { Finding } from './finding.js';

interface LineShape {
  title: string;
  /** What needs it: shown with the line, so that a person can tell whether to care. */
  features: readonly string[];
  /** In the plan of every container. */
  essential?: true;
}

export const lineShapes: Readonly<Record<DoctorLineId, LineShape>> = {
  kernel: { title: 'Linux kernel', features: ['everything'], essential: true },
  switches: {
    title: 'Switches against user namespaces',
    features: ['user namespaces, and with them every container'],
    essential: true,
  },
  pidfd: {
    title: 'Process descriptors',
    features: ['signals that never reach a recycled pid', 'entering running containers'],
    essential: true,
  },
  'mount-api': {
    title: 'New mount calls',
    features: ['every mount in a container', 'read-only binds without a gap', 'mounts added to running containers'],
    essential: true,
  },

  'user-namespace': { title: 'User namespaces', features: ['every container'], essential: true },
  'id-range': {
    title: 'A range of user and group ids',
    features: ['users other than root inside', 'package managers', 'images with several owners'],
  },
  'id-tools': { title: 'What grants and maps ids', features: ['a range of user and group ids'] },

  'data-folder': { title: 'Data folder', features: ['images', 'writable layers', 'logs and ledgers'], essential: true },
  overlay: {
    title: 'Overlay file system',
    features: ['writable layers on disk', 'containers from images and from this machine’s own /'],
  },
  'overlay-layers': { title: 'Overlay layer by layer', features: ['overlays of hundreds of layers'] },
  'pivot-root': { title: 'Changing the root', features: ['every container'], essential: true },
  bind: {
    title: 'Bind mounts',
    features: ['/dev inside', 'folders of yours in a container'],
    essential: true,
  },
  proc: { title: 'A new /proc', features: ['/proc inside', 'ps, top and most shells'], essential: true },
  tmpfs: {
    title: 'A new tmpfs',
    features: ['/dev, /tmp and /run inside', 'writable layers in memory'],
    essential: true,
  },
  devpts: { title: 'A new devpts', features: ['terminals inside'], essential: true },
  mqueue: { title: 'A new mqueue', features: ['POSIX message queues inside'] },
  sysfs: { title: 'A new /sys', features: ['/sys inside, where the network is the container’s own'] },
  'cgroup-mount': { title: 'A cgroup2 mount', features: ['/sys/fs/cgroup inside'] },
  'idmapped-mount': { title: 'Idmapped mounts', features: ['tmpfs whose owners are shifted, made by programs inside'] },

  'mount-namespace': { title: 'Mount namespaces', features: ['every container'], essential: true },
  'pid-namespace': { title: 'Pid namespaces', features: ['processes of the container’s own'], essential: true },
  'uts-namespace': { title: 'UTS namespaces', features: ['a host name of the container’s own'], essential: true },
  'ipc-namespace': {
    title: 'IPC namespaces',
    features: ['shared memory and message queues of the container’s own'],
    essential: true,
  },
  network: {
    title: 'Network namespaces',
    features: ['a network of the container’s own', 'isolation from services of this machine'],
  },
  'cgroup-namespace': { title: 'Cgroup namespaces', features: ['a cgroup tree that begins at the container'] },
  'time-namespace': { title: 'Time namespaces', features: ['clocks with offsets of the container’s own'] },
  'nested-namespace': {
    title: 'User namespaces below user namespaces',
    features: ['containers in containers', 'sandboxes of browsers and build tools inside'],
  },

  cgroup: {
    title: 'Control groups',
    features: ['limits', 'pause', 'killing a container as a whole', 'cheap statistics'],
  },
  'cgroup-memory': { title: 'Controller memory', features: ['memory limits', 'telling of OOM kills'] },
  'cgroup-pids': { title: 'Controller pids', features: ['limits on the number of processes'] },
  'cgroup-cpu': { title: 'Controller cpu', features: ['CPU limits and weights'] },
  'cgroup-cpuset': { title: 'Controller cpuset', features: ['binding containers to CPUs and memory nodes'] },
  'cgroup-io': { title: 'Controller io', features: ['limits on reading from and writing to disks'] },
  'cgroup-hugetlb': { title: 'Controller hugetlb', features: ['limits on huge pages'] },
  'cgroup-freezer': { title: 'Freezer', features: ['pause and resume as one'] },
  'cgroup-kill': { title: 'Killing a group', features: ['ending a container that forks faster than it is killed'] },
  'cgroup-clone': {
    title: 'Birth in a group',
    features: ['processes that are limited from their first instruction on'],
  },
  pressure: {
    title: 'Pressure stall information',
    features: ['how long processes wait for CPU, memory and disks'],
  },
  systemd: {
    title: 'systemd of yours',
    features: ['control groups without an administrator, where systemd manages the machine'],
  },
  linger: { title: 'Staying after logout', features: ['containers that run on when you log out'] },
  inotify: { title: 'Watching files', features: ['events of limits', 'lists of files that stay up to date'] },
  keyring: { title: 'Keyrings', features: ['programs inside that keep keys in the kernel'] },

  veth: { title: 'Pairs of interfaces', features: ['networks between containers'] },
  bridge: { title: 'Bridges', features: ['networks of several containers'] },
  ipv6: { title: 'IPv6', features: ['addresses of IPv6 in networks of several containers'] },
  masquerade: { title: 'Masquerading', features: ['networks with a way out'] },
  netem: { title: 'Slow and lossy links (netem)', features: ['links that are late or lose packets, to test with'] },
  'low-port': { title: 'Ports below 1024', features: ['servers on their usual ports inside'] },
  ping: { title: 'ping', features: ['ping inside, without the capability for raw sockets'] },
  tun: {
    title: 'TUN interfaces',
    features: ['a network that reaches the outside (pasta, slirp4netns)', 'VPNs inside'],
  },
  pasta: { title: 'pasta', features: ['a network that reaches the outside'] },
  slirp4netns: { title: 'slirp4netns', features: ['a network that reaches the outside, where pasta is missing'] },

  seccomp: { title: 'Seccomp filters', features: ['the filter of system calls'], essential: true },
  'seccomp-log': { title: 'Seccomp log', features: ['profiles that log what they would refuse'] },
  'seccomp-notify': { title: 'Seccomp notifications', features: ['profiles that ask a supervisor'] },
  ptrace: { title: 'ptrace', features: ['debuggers and strace inside'] },

  'fuse-overlayfs': {
    title: 'fuse-overlayfs',
    features: ['layers of container engines inside a container, where the kernel’s overlay is refused'],
  },
  bootstrap: { title: 'mmdebstrap or debootstrap', features: ['images from a mirror of a distribution'] },
};

/** Which group a line is in. */
export const groupOfLine: ReadonlyMap<DoctorLineId, DoctorGroup> = new Map(
  (Object.keys(doctorGroups) as DoctorGroup[]).flatMap((group) =>
    doctorGroups[group].map((id) => [id, group] as const),
  ),
);

/** All lines in the order in which they are shown. */
export const lineIds: readonly DoctorLineId[] = [...groupOfLine.keys()];

/** What was found, as a line. Pure. @param milliseconds how long the trial took. */
export function lineOf(id: DoctorLineId, finding: Finding, milliseconds: number): DoctorLine {
  const { title, features, essential = false } = lineShapes[id];
  const group = groupOfLine.get(id) ?? 'Kernel';
  return { id, group, title, essential, features: [...features], milliseconds, ...finding };
}

/** `partial`: some of what it is for works. */
export type Verdict = 'works' | 'missing' | 'partial';

/** The lines of the doctor by what they are about, in the order in which they are shown. Each id is a heading of docs/doctor.md. */
export const doctorGroups = {
  Kernel: ['kernel', 'switches', 'pidfd', 'mount-api'],
  Identities: ['user-namespace', 'id-range', 'id-tools'],
  'File systems': [
    'data-folder',
    'overlay',
    'overlay-layers',
    'pivot-root',
    'bind',
    'proc',
    'tmpfs',
    'devpts',
    'mqueue',
    'sysfs',
    'cgroup-mount',
    'idmapped-mount',
  ],
  Namespaces: [
    'mount-namespace',
    'pid-namespace',
    'uts-namespace',
    'ipc-namespace',
    'network',
    'cgroup-namespace',
    'time-namespace',
    'nested-namespace',
  ],
  Resources: [
    'cgroup',
    'cgroup-memory',
    'cgroup-pids',
    'cgroup-cpu',
    'cgroup-cpuset',
    'cgroup-io',
    'cgroup-hugetlb',
    'cgroup-freezer',
    'cgroup-kill',
    'cgroup-clone',
    'pressure',
    'systemd',
    'linger',
    'inotify',
    'keyring',
  ],
  Network: ['veth', 'bridge', 'ipv6', 'masquerade', 'netem', 'low-port', 'ping', 'tun', 'pasta', 'slirp4netns'],
  Security: ['seccomp', 'seccomp-log', 'seccomp-notify', 'ptrace'],
  Programs: ['fuse-overlayfs', 'bootstrap'],
} as const;

export type DoctorGroup = keyof typeof doctorGroups;
export type DoctorLineId = (typeof doctorGroups)[DoctorGroup][number];

/** One line of the doctor: something that was tried, not guessed. */
export interface DoctorLine {
  /** Stable; also the anchor in docs/doctor.md. */
  id: DoctorLineId;
  group: DoctorGroup;
  title: string;
  verdict: Verdict;
  /** Without it no container can run at all. */
  essential: boolean;
  /** What was tried and what the kernel answered. */
  tried: string;
  errno?: string;
  /** What does not work without it. */
  features: string[];
  fix?: string;
  command?: string;
  /** Milliseconds the trial took. */
  milliseconds?: number;
}

export interface DoctorReport {
  lines: DoctorLine[];
}

/** Words that fields of a specification take and the grammar leaves open, each with what it means. */

export interface Word {
  word: string;
  meaning: string;
}

const words = (table: Readonly<Record<string, string>>): Word[] =>
  Object.entries(table).map(([word, meaning]) => ({ word, meaning }));

/** mount(8): those that the kernel takes as attributes of any mount. */
const commonMountOptions = {
  ro: 'Nothing can be written, through this mount or below it',
  rw: 'It can be written, as far as the files’ owners allow it',
  noexec: 'No program in it can be executed',
  exec: 'Programs in it can be executed',
  noatime: 'Reading a file does not change its access time',
  strictatime: 'Reading a file always changes its access time',
  nodiratime: 'Reading a folder does not change its access time',
  nosymfollow: 'Symbolic links in it are not followed',
};

/** For binds. `nosuid` and `nodev` are always on, whatever is asked for. */
export const bindOptions: readonly Word[] = words({
  ...commonMountOptions,
  rbind: 'With everything that is mounted below the source. This is the default',
  bind: 'The source alone, without what is mounted below it',
  private: 'Later mounts reach neither this side nor the other',
  rprivate: 'The same for all mounts below',
  slave: 'What is mounted below the source later on appears here too',
  rslave: 'The same for all mounts below',
  nofail: 'Where it cannot be mounted the container does without it',
});

/** tmpfs(5). */
export const tmpfsOptions: readonly Word[] = words({
  ...commonMountOptions,
  'size=64m': 'At most so many bytes (k, m, g), or a share of the memory (50%)',
  'mode=1777': 'Permissions of its root, octal',
  'nr_inodes=10k': 'At most so many files',
  'uid=0': 'Owner of its root, as inside the container',
  'gid=0': 'Group of its root, as inside the container',
});

/** Architectures of seccomp.h that filters are made for. */
export const seccompArchitectures: readonly Word[] = words({
  SCMP_ARCH_X86_64: 'x86-64',
  SCMP_ARCH_AARCH64: 'arm64',
});

/** All of seccomp_arch_add(3): profiles are written for many machines. */
export const seccompArchitectureNames: ReadonlySet<string> = new Set(
  [
    ...['X86', 'X86_64', 'X32', 'ARM', 'AARCH64', 'LOONGARCH64', 'M68K', 'PARISC', 'PARISC64', 'RISCV64', 'SH', 'SHEB'],
    ...['MIPS', 'MIPS64', 'MIPS64N32', 'MIPSEL', 'MIPSEL64', 'MIPSEL64N32', 'PPC', 'PPC64', 'PPC64LE', 'S390', 'S390X'],
  ].map((name) => `SCMP_ARCH_${name}`),
);

/** seccomp(2), in OCI's names. */
export const seccompActions: Readonly<Record<string, string>> = {
  SCMP_ACT_ALLOW: 'The call is carried out',
  SCMP_ACT_ERRNO: 'The call is not carried out and answers errnoRet, EPERM when there is none',
  SCMP_ACT_LOG: 'The call is carried out and logged',
  SCMP_ACT_TRAP: 'The call is not carried out, the process gets SIGSYS',
  SCMP_ACT_KILL_THREAD: 'The thread that called ends',
  SCMP_ACT_KILL_PROCESS: 'The process ends with SIGSYS',
};

/** Files of cgroup v2 that take a limit: Documentation/admin-guide/cgroup-v2.rst. */
export const cgroupFiles: readonly Word[] = words({
  'memory.max': 'Bytes; above it processes are killed. `max`: no limit',
  'memory.high': 'Bytes; above it processes are slowed down and memory is reclaimed',
  'memory.low': 'Bytes that are spared while memory can be reclaimed elsewhere',
  'memory.min': 'Bytes that are never reclaimed',
  'memory.swap.max': 'Bytes of swap alone. `max`: no limit',
  'memory.swap.high': 'Bytes of swap; above it processes are slowed down',
  'memory.zswap.max': 'Bytes that may be kept compressed in memory before they go to the swap device',
  'memory.oom.group': '1: when one process is killed for memory, all are',
  'cpu.max': 'Microseconds per period: `50000 100000` is half a core',
  'cpu.max.burst': 'Microseconds that may be saved up and used beyond the quota',
  'cpu.weight': '1 to 10000, default 100: the share where CPUs are scarce',
  'cpu.idle': '1: runs only when nobody else wants the CPU',
  'cpuset.cpus': 'CPUs that may be used, such as 0-1,3',
  'cpuset.mems': 'Memory nodes that may be used',
  'io.max': 'Per device: `8:0 rbps=1048576 wiops=100`',
  'io.weight': '1 to 10000, default 100: the share where a disk is busy',
  'pids.max': 'Processes and threads, at most',
  'hugetlb.2MB.max': 'Bytes in huge pages of 2 MB. `max`: no limit',
  'hugetlb.1GB.max': 'Bytes in huge pages of 1 GB. `max`: no limit',
  'misc.max': 'Per resource: `NAME COUNT`',
  'rdma.max': 'Per device: `mlx5_1 hca_handle=3 hca_object=10000`',
});

/** Settings that belong to a namespace, so that a container can have its own: see specification/sysctl.ts. */
export const sysctls: readonly Word[] = words({
  'net.ipv4.ip_unprivileged_port_start': 'First port that needs no capability to listen on; 0: none needs one',
  'net.ipv4.ping_group_range': 'Groups that may open ping sockets: `0 0`',
  'net.ipv4.ip_forward': '1: packets are passed on between interfaces',
  'net.ipv4.ip_local_port_range': 'Ports that outgoing connections are given',
  'net.core.somaxconn': 'Longest queue of connections that are not accepted yet',
  'net.ipv6.conf.all.disable_ipv6': '1: no IPv6',
  'kernel.shmmax': 'Bytes of the largest System V shared memory segment',
  'kernel.shmall': 'Pages of System V shared memory in all',
  'kernel.msgmax': 'Bytes of the largest System V message',
  'kernel.sem': 'Limits of System V semaphores, four numbers',
  'fs.mqueue.msg_max': 'Messages that a POSIX queue holds',
  'kernel.domainname': 'NIS domain name',
  'user.max_user_namespaces': 'User namespaces that may be made inside; 0: none',
});

/** setrlimit(2). */
export const rlimits: Readonly<Record<string, string>> = {
  RLIMIT_CPU: 'Seconds of CPU time',
  RLIMIT_FSIZE: 'Bytes of the largest file it may write',
  RLIMIT_DATA: 'Bytes of data and heap',
  RLIMIT_STACK: 'Bytes of the main thread’s stack',
  RLIMIT_CORE: 'Bytes of a core dump; 0: none is written',
  RLIMIT_RSS: 'Unused by the kernel',
  RLIMIT_NPROC: 'Processes and threads of the same user in the container; root of the machine is not bound',
  RLIMIT_NOFILE: 'Descriptors open at once, counted from 0',
  RLIMIT_MEMLOCK: 'Bytes of locked memory',
  RLIMIT_AS: 'Bytes of address space',
  RLIMIT_LOCKS: 'Unused by the kernel',
  RLIMIT_SIGPENDING: 'Signals that wait to be delivered',
  RLIMIT_MSGQUEUE: 'Bytes in POSIX message queues',
  RLIMIT_NICE: 'How high its priority may be raised: 20 less the nice value',
  RLIMIT_RTPRIO: 'Highest real-time priority',
  RLIMIT_RTTIME: 'Microseconds of real-time scheduling without a pause',
};

/** namespaces(7): what sharing one with the machine means. */
export const sharedNamespaces: Readonly<Record<string, string>> = {
  mount: 'Refused: without one of its own nothing can be mounted',
  user: 'Refused: without one of its own no other can be made',
  uts: 'The machine’s host name is its own',
  ipc: 'It sees this machine’s System V objects, POSIX queues and shared memory',
  pid: 'It sees this machine’s processes, and may signal yours',
  cgroup: 'It sees where it stands among the machine’s cgroups',
  time: 'Its clocks since boot are the machine’s',
};

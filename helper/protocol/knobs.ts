/**
 * The knobs of a container's limits: what they are, in data. Names and values are cgroup v2's, whatever the machine has;
 * on cgroup v1 the helper maps them onto its files. Source: cgroup-v2.rst; of v1 the files of Documentation/admin-guide/cgroup-v1.
 */

/** How the text of a value is read and written; `notation.ts` has the words of people for each. */
export type KnobKind =
  /** Bytes, or `max`. */
  | 'bytes'
  /** A whole number, or `max`. */
  | 'count'
  /** A whole number without a unit, between `least` and `most`; never `max`. */
  | 'number'
  /** `0` or `1`. */
  | 'flag'
  /** `QUOTA PERIOD` in microseconds, the quota maybe `max`: cpu.max. */
  | 'cpuMax'
  /** Microseconds. */
  | 'microseconds'
  /** Seconds, or `max`: RLIMIT_CPU. */
  | 'seconds'
  /** A list of ranges such as `0-2,5`; empty: as the group above. */
  | 'list'
  /** Lines of `MAJOR:MINOR rbps=… wbps=… riops=… wiops=…`; unmentioned devices are not limited. */
  | 'ioMax'
  /** `default WEIGHT`, and lines of `MAJOR:MINOR WEIGHT`. */
  | 'ioWeight'
  /** Lines of `NAME VALUE`, or anything else: shown and written verbatim. */
  | 'text';

export interface Knob {
  /** The file's name in cgroup v2, or of v1 where v2 has nothing like it, or `RLIMIT_…`. */
  name: string;
  /** `rlimit`: no cgroup at all, but a limit of each process. */
  controller: string;
  kind: KnobKind;
  /** Of a button or a column. */
  title: string;
  /** One sentence: what it does, and what happens at the limit. */
  help: string;
  /** The text that takes the limit away: what a new group has. */
  cleared: string;
  least?: number;
  most?: number;
  /** Only cgroup v1 has it, or only v2. */
  only?: 1 | 2;
}

const weights = { least: 1, most: 10_000 };

/** In the order in which they are shown, the everyday ones of each controller first. */
export const knobs = [
  {
    name: 'memory.max',
    controller: 'memory',
    kind: 'bytes',
    title: 'Memory',
    help: 'At the limit the kernel reclaims, then kills a process inside.',
    cleared: 'max',
    // A page: the kernel counts in them.
    least: 4096,
  },
  {
    name: 'memory.high',
    controller: 'memory',
    kind: 'bytes',
    title: 'Memory, soft limit',
    help: 'Above it processes are slowed down and reclaimed from, never killed.',
    cleared: 'max',
    only: 2,
  },
  {
    name: 'memory.swap.max',
    controller: 'memory',
    kind: 'bytes',
    title: 'Swap',
    help: 'What may be swapped out beside the memory. 0 for no swap.',
    cleared: 'max',
  },
  {
    name: 'memory.low',
    controller: 'memory',
    kind: 'bytes',
    title: 'Memory to spare',
    help: 'Up to this the kernel takes memory elsewhere first, when it can.',
    cleared: '0',
  },
  {
    name: 'memory.min',
    controller: 'memory',
    kind: 'bytes',
    title: 'Memory to keep',
    help: 'Up to this the kernel never reclaims; it would rather kill elsewhere.',
    cleared: '0',
    only: 2,
  },
  {
    name: 'memory.oom.group',
    controller: 'memory',
    kind: 'flag',
    title: 'Kill as a whole',
    help: 'Out of memory, all processes are killed together instead of one.',
    cleared: '0',
    only: 2,
  },
  {
    name: 'memory.zswap.max',
    controller: 'memory',
    kind: 'bytes',
    title: 'Compressed swap',
    help: 'What may be kept compressed in memory before it goes to the swap device.',
    cleared: 'max',
    only: 2,
  },
  {
    name: 'memory.swappiness',
    controller: 'memory',
    kind: 'number',
    title: 'Swappiness',
    help: 'How readily memory is swapped out: 0 hardly, 100 as readily as files are dropped.',
    cleared: '60',
    least: 0,
    most: 200,
    only: 1,
  },
  {
    name: 'memory.kmem.limit_in_bytes',
    controller: 'memory',
    kind: 'bytes',
    title: 'Kernel memory',
    help: 'Deprecated: memory the kernel uses for these processes.',
    cleared: 'max',
    only: 1,
  },
  {
    name: 'cpu.max',
    controller: 'cpu',
    kind: 'cpuMax',
    title: 'CPU',
    help: 'Cores, or % of one core. The container is slowed down at the limit.',
    cleared: 'max 100000',
  },
  {
    name: 'cpu.max.burst',
    controller: 'cpu',
    kind: 'microseconds',
    title: 'CPU burst',
    help: 'CPU time left unused that may be saved up and used beyond the limit.',
    cleared: '0',
  },
  {
    name: 'cpu.weight',
    controller: 'cpu',
    kind: 'number',
    title: 'CPU weight',
    help: 'Share of the CPU when others want it too. 1 to 10000, default 100.',
    cleared: '100',
    ...weights,
  },
  {
    name: 'cpu.idle',
    controller: 'cpu',
    kind: 'flag',
    title: 'Only idle CPU',
    help: 'Runs only when nobody else wants the CPU; the weight then counts for nothing.',
    cleared: '0',
  },
  {
    name: 'cpuset.cpus',
    controller: 'cpuset',
    kind: 'list',
    title: 'CPUs',
    help: 'The CPUs it may run on, such as 0-2,5. Empty: those of the group above.',
    cleared: '',
  },
  {
    name: 'cpuset.mems',
    controller: 'cpuset',
    kind: 'list',
    title: 'Memory nodes',
    help: 'The NUMA nodes its memory may come from. Empty: those of the group above.',
    cleared: '',
  },
  {
    name: 'pids.max',
    controller: 'pids',
    kind: 'count',
    title: 'Processes',
    help: 'Processes and threads together. At the limit fork fails.',
    cleared: 'max',
    least: 1,
    most: 4_194_304,
  },
  {
    name: 'io.max',
    controller: 'io',
    kind: 'ioMax',
    title: 'Disk speed',
    help: 'Bytes and operations per second, for each device. At the limit reading and writing wait.',
    cleared: '',
  },
  {
    name: 'io.weight',
    controller: 'io',
    kind: 'ioWeight',
    title: 'Disk weight',
    help: 'Share of a device when others want it too. 1 to 10000, default 100.',
    cleared: 'default 100',
    ...weights,
  },
  {
    name: 'RLIMIT_AS',
    controller: 'rlimit',
    kind: 'bytes',
    title: 'Address space of each process',
    help: 'Not memory in use, but addresses: at the limit mmap and brk fail. Each process may have this much.',
    cleared: 'max',
  },
  {
    name: 'RLIMIT_NPROC',
    controller: 'rlimit',
    kind: 'count',
    title: 'Processes of its user',
    help: 'Counts processes and threads of each user id in the container by itself, and does not bind root of the machine. At the limit fork fails.',
    cleared: 'max',
  },
  {
    name: 'RLIMIT_CPU',
    controller: 'rlimit',
    kind: 'seconds',
    title: 'CPU time of each process',
    help: 'Seconds of CPU each process may use in its life: then it gets SIGXCPU.',
    cleared: 'max',
    least: 1,
  },
  {
    name: 'RLIMIT_NOFILE',
    controller: 'rlimit',
    kind: 'count',
    title: 'Open files of each process',
    help: 'At the limit open fails.',
    cleared: 'max',
    // With fewer nothing could be started in it.
    least: 16,
    most: 1_073_741_816,
  },
] as const satisfies readonly Knob[];

/** Those that are known by name; any other file of a controller is a knob of kind `text` (see `knobOf`). */
export type KnobName = (typeof knobs)[number]['name'];

/**
 * The knob of a file of a controller. Files that this list does not know (hugetlb.2MB.max, misc.max, rdma.max, and what a
 * later kernel brings) are knobs too: sizes of huge pages in bytes, anything else as text.
 */
export function knobOf(name: string): Knob {
  const known = knobs.find((knob) => knob.name === name);
  if (known !== undefined) return known;
  const controller = name.split('.', 1)[0] ?? name;
  const size = /^hugetlb\.(\w+)\.(max|rsvd\.max)$/.exec(name);
  if (size !== null) {
    const title = size[2] === 'max' ? `Huge pages of ${size[1]}` : `Huge pages of ${size[1]}, reserved`;
    return {
      name,
      controller,
      kind: 'bytes',
      title,
      help: 'At the limit a process that wants another one gets SIGBUS.',
      cleared: 'max',
    };
  }
  return { name, controller, kind: 'text', title: name, help: `The file ${name}, verbatim.`, cleared: '' };
}

/** Limits that belong together, to begin with. */
export interface Preset {
  id: string;
  title: string;
  description: string;
  /** By the name of a knob, in its text. */
  values: Readonly<Partial<Record<KnobName, string>>>;
}

const MiB = 1024 * 1024;

export const presets: readonly Preset[] = [
  {
    id: 'tiny',
    title: 'Tiny',
    description: '64 MiB, a quarter of a core, 32 processes: a shell and little else',
    values: { 'memory.max': String(64 * MiB), 'memory.swap.max': '0', 'cpu.max': '25000 100000', 'pids.max': '32' },
  },
  {
    id: 'small',
    title: 'Small',
    description: '512 MiB, one core, 256 processes: a build or a test',
    values: { 'memory.max': String(512 * MiB), 'memory.swap.max': '0', 'cpu.max': '100000 100000', 'pids.max': '256' },
  },
  {
    id: 'lab',
    title: 'As the lab',
    description: '100 MB, 5 % of a core, 20 processes: small enough to meet each limit',
    values: { 'memory.max': '100000000', 'memory.swap.max': '0', 'cpu.max': '5000 100000', 'pids.max': '20' },
  },
];

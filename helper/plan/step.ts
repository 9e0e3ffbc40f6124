/**
 * The steps a plan is made of: the one list that TypeScript types, the binary encoder and the C decoder
 * (native/stage/steps.generated.h, made from this by scripts/generate.mjs) all follow.
 *
 * `actor` says who executes a step. The monitor does the steps before `clone` and the ones marked `monitor` that
 * directly follow it, while the new process waits; everything after those is done by the new process, called init
 * here even when it is a process entering a running container.
 */
export type FieldType = 'u32' | 'u64' | 'string' | 'strings' | 'bytes';

export interface StepShape {
  /** Number on the wire. Never reuse one. */
  code: number;
  actor: 'monitor' | 'init' | 'any';
  fields: Readonly<Record<string, FieldType>>;
}

export const stepShapes = {
  /**
   * Turns this fork of the zygote into the monitor of what the plan starts: opens the log and the attach socket.
   * `directory` gets `exit.json`, `output` and `output.old`; `events` is the cgroup's memory.events (v2) or
   * memory.oom_control (v1), or empty; `outputLimit` is the size in bytes at which `output` is rotated.
   */
  monitor: {
    code: 1,
    actor: 'monitor',
    fields: { directory: 'string', socket: 'string', outputLimit: 'u64', events: 'string' },
  },
  /** mkdir. In a root (after `setRoot`) the path is resolved inside it; missing parents are made, 0755. */
  makeDirectory: { code: 2, actor: 'any', fields: { path: 'string', mode: 'u32' } },
  /** An empty regular file, only if nothing is there. */
  makeFile: { code: 3, actor: 'any', fields: { path: 'string', mode: 'u32' } },
  symlink: { code: 4, actor: 'any', fields: { target: 'string', path: 'string' } },
  /**
   * open, check the file system's magic number (0: any), write `data` in one write(2), close.
   * CVE-2025-52881: a write meant for procfs must not be redirected to another file.
   */
  writeFile: { code: 5, actor: 'any', fields: { path: 'string', data: 'string', magic: 'u32' } },
  /** Makes a cgroup; the monitor removes it when what it watches has ended. */
  makeCgroup: { code: 6, actor: 'monitor', fields: { path: 'string' } },
  /** unshare(2). In the monitor only CLONE_NEWTIME is useful: it counts for the children. */
  unshare: { code: 7, actor: 'any', fields: { flags: 'u32' } },
  /**
   * Namespaces of a process, by pidfd. Refused when its start time is another (0: not checked).
   * In the monitor only what its child inherits is useful: CLONE_NEWPID, and CLONE_NEWNET before a clone without it.
   */
  setNamespaces: { code: 8, actor: 'any', fields: { pid: 'u32', startTime: 'u64', flags: 'u32' } },
  /** Joins one namespace that a file of ours names; `flags` is its type, checked by the kernel. Of a process: setNamespaces. */
  joinNamespace: { code: 9, actor: 'any', fields: { path: 'string', flags: 'u32' } },
  /** Pipes for standard output and error, and standard input too unless `stdin` is 0 (then /dev/null). */
  makePipes: { code: 10, actor: 'monitor', fields: { stdin: 'u32' } },
  /** clone3. `cgroup`: a v2 cgroup to be born in (CLONE_INTO_CGROUP), or empty. */
  clone: { code: 11, actor: 'monitor', fields: { flags: 'u32', cgroup: 'string' } },
  /** Writes uid_map, setgroups and gid_map of the new process. */
  mapIds: { code: 12, actor: 'monitor', fields: { uidMap: 'string', gidMap: 'string', setgroups: 'string' } },
  /** Writes the new process's pid to `path`/cgroup.procs. */
  joinCgroup: { code: 13, actor: 'monitor', fields: { path: 'string' } },
  /** mount(NULL, path, NULL, flags): MS_PRIVATE, MS_SLAVE and so on. */
  setPropagation: { code: 14, actor: 'init', fields: { path: 'string', flags: 'u32' } },
  /**
   * A new file system. Before `setRoot` with mount(2) at a path of ours; after it with fsopen … move_mount at a
   * destination resolved inside the root, `data` split at commas into parameters. `attributes` are MOUNT_ATTR_*.
   */
  mount: {
    code: 15,
    actor: 'init',
    fields: { type: 'string', source: 'string', destination: 'string', attributes: 'u32', data: 'string' },
  },
  /**
   * openat2(source) + open_tree(CLONE[, RECURSIVE]) + mount_setattr + move_mount. The source is a path of the host, opened
   * before the root is left; a link anywhere in it is refused (ELOOP), so it must be a real path. The destination is made inside the root when missing, as a folder or as a file after
   * the source. `device`: makedev(major, minor) the source must be, or 0.
   */
  bind: {
    code: 16,
    actor: 'init',
    fields: {
      source: 'string',
      destination: 'string',
      recursive: 'u32',
      attributes: 'u32',
      propagation: 'u32',
      device: 'u64',
    },
  },
  /** /dev/null (checked: character device 1:3) over a file, an empty read-only tmpfs over a folder. */
  maskPath: { code: 17, actor: 'init', fields: { path: 'string' } },
  /** The path bound to itself, read-only. */
  readonlyPath: { code: 18, actor: 'init', fields: { path: 'string' } },
  /** From here on paths of steps are resolved inside this folder (openat2, RESOLVE_IN_ROOT). */
  setRoot: { code: 19, actor: 'any', fields: { path: 'string' } },
  /** Makes the folder of `setRoot` the root and detaches the old one. */
  pivotRoot: { code: 20, actor: 'init', fields: {} },
  /** Weak on purpose: the old root stays mounted. */
  chroot: { code: 21, actor: 'init', fields: {} },
  /** mount_setattr on the root itself. */
  setRootAttributes: { code: 22, actor: 'init', fields: { attributes: 'u32' } },
  setHostname: { code: 23, actor: 'init', fields: { name: 'string' } },
  setDomainname: { code: 24, actor: 'init', fields: { name: 'string' } },
  /** Brings an interface up (`lo`). */
  bringUp: { code: 25, actor: 'init', fields: { interface: 'string' } },
  setRlimit: { code: 26, actor: 'init', fields: { resource: 'u32', soft: 'u64', hard: 'u64' } },
  /**
   * A pty of the container's own devpts, or before there is a root of the machine's; its master goes to the monitor, its
   * other end becomes the controlling terminal.
   */
  openTerminal: { code: 27, actor: 'init', fields: { rows: 'u32', columns: 'u32' } },
  /** setsid, for processes without a terminal. */
  setSession: { code: 28, actor: 'init', fields: {} },
  /** prctl(PR_SET_DUMPABLE): 0 before entering, so that nothing inside can look at us (CVE-2016-9962). */
  setDumpable: { code: 29, actor: 'any', fields: { value: 'u32' } },
  /** Drops every capability from the bounding set that is not in `keep`. */
  limitBoundingSet: { code: 30, actor: 'init', fields: { keep: 'u64' } },
  /** setgroups, setresgid, setresuid; with `keepCapabilities` permitted ones survive the change of uid. */
  setIds: {
    code: 31,
    actor: 'init',
    fields: { uid: 'u32', gid: 'u32', groups: 'bytes', setgroups: 'u32', keepCapabilities: 'u32', umask: 'u32' },
  },
  setCapabilities: {
    code: 32,
    actor: 'init',
    fields: { effective: 'u64', permitted: 'u64', inheritable: 'u64', ambient: 'u64' },
  },
  setNoNewPrivileges: { code: 33, actor: 'init', fields: {} },
  /**
   * `filter`: struct sock_filter[], loaded with seccomp(2). With SECCOMP_FILTER_FLAG_NEW_LISTENER the monitor gets the listener
   * and answers every notification with EPERM.
   */
  installSeccomp: { code: 34, actor: 'init', fields: { filter: 'bytes', flags: 'u32' } },
  /** chdir, then getcwd: a folder outside the root is refused (CVE-2024-21626). */
  changeDirectory: { code: 35, actor: 'init', fields: { path: 'string' } },
  /**
   * close_range, then execve of the first of `paths` that exists and may be executed.
   * With `supervise` the process forks, executes in the child, stays as PID 1 that reaps and forwards signals.
   */
  execute: {
    code: 36,
    actor: 'init',
    fields: { paths: 'strings', args: 'strings', env: 'strings', supervise: 'u32' },
  },
  /** Stay as PID 1: reap orphans until SIGTERM. */
  stayInit: { code: 37, actor: 'init', fields: {} },
  /** Removes a tree by descriptor, never following a link or crossing a mount. Missing: fine. */
  removeTree: { code: 38, actor: 'any', fields: { path: 'string' } },
  removeCgroup: { code: 39, actor: 'any', fields: { path: 'string' } },
  /** Opens a file of ours: `stayInit` then ends as soon as nobody else has a lock (flock) on it. */
  lease: { code: 40, actor: 'init', fields: { path: 'string' } },
  /**
   * Only in plans of the doctor: makes the calls that `name` stands for (native/stage/trial.c) and undoes what outlives them.
   * For what no container needs while it is made, but programs in it may.
   */
  trial: { code: 41, actor: 'init', fields: { name: 'string' } },
  /**
   * Cgroups that are there already, which the container is in together with others: when what it watches has ended the
   * monitor removes those, in this order, in which nothing is left.
   */
  shareCgroups: { code: 42, actor: 'monitor', fields: { paths: 'strings' } },
  /**
   * File in which the monitor counts the calls that it refuses for a filter whose `installSeccomp` has
   * SECCOMP_FILTER_FLAG_NEW_LISTENER among its flags. Made with the first of them.
   */
  countDenied: { code: 90, actor: 'monitor', fields: { path: 'string' } },
  /**
   * RTM_NEWLINK: a bridge in this network namespace, down and without ports. `mac`: its six bytes, for a bridge that was given
   * none takes that of one of its ports, and another with each port that comes and goes.
   */
  makeBridge: { code: 50, actor: 'any', fields: { name: 'string', mac: 'bytes' } },
  /**
   * RTM_NEWLINK: a veth pair. One end, `name`, becomes a port of `bridge` in the network namespace that the monitor is in
   * (setNamespaces before the clone), and is up; the other, `peer`, is the new process's, and down. `mac`: the six bytes of that one.
   */
  makeVeth: {
    code: 51,
    actor: 'monitor',
    fields: { name: 'string', bridge: 'string', peer: 'string', mac: 'bytes' },
  },
  /**
   * RTM_NEWADDR: an address, IPv4 or IPv6, and with it the route to all in the same subnet. One of IPv6 can be used at once:
   * no duplicates are looked for (IFA_F_NODAD).
   */
  addAddress: { code: 52, actor: 'any', fields: { interface: 'string', address: 'string', prefix: 'u32' } },
  /** RTM_NEWROUTE: where what is of the gateway's kind, IPv4 or IPv6, goes that no other route leads to. */
  addDefaultRoute: { code: 53, actor: 'any', fields: { gateway: 'string', interface: 'string' } },
  /**
   * NFT_MSG_NEWTABLE, NEWCHAIN and NEWRULE in one batch: what leaves by the interface, there or not, gets its address. `family`:
   * AF_INET or AF_INET6, of what.
   */
  masquerade: { code: 54, actor: 'any', fields: { interface: 'string', family: 'u32' } },
  /** RTM_NEWLINK: brings an interface up (1) or down (0). */
  setLink: { code: 55, actor: 'any', fields: { interface: 'string', up: 'u32' } },
  /**
   * RTM_NEWQDISC: netem in place of what there was at the root of the interface, for what leaves by it. `latency` in
   * nanoseconds, `loss` in 2^32ths, `rate` in bytes a second (0: as it is), `limit`: packets that may wait.
   */
  addNetem: {
    code: 56,
    actor: 'any',
    fields: { interface: 'string', latency: 'u64', loss: 'u32', rate: 'u64', limit: 'u32' },
  },
  /** The same with tbf: `rate` in bytes a second, `burst`: bytes that go at once, `limit`: bytes that may wait. */
  addTokenBucket: {
    code: 57,
    actor: 'any',
    fields: { interface: 'string', rate: 'u64', burst: 'u32', limit: 'u32' },
  },
  /** RTM_DELQDISC at the root of the interface. ENOENT: there is only what the kernel itself has put there. */
  removeQdisc: { code: 58, actor: 'any', fields: { interface: 'string' } },
  /**
   * mount(2), MS_BIND: gives a namespace, `source` in procfs, a name at a file of ours, for a program that has no rights
   * over the process it is of. Before the root is left.
   */
  bindNamespace: { code: 59, actor: 'init', fields: { source: 'string', path: 'string' } },
  /**
   * The first half of `bind`, for what is mounted in another mount namespace than the source is seen in: the copy is held
   * until `attachMount`. Source and attributes are as there.
   */
  cloneMount: {
    code: 60,
    actor: 'any',
    fields: { source: 'string', recursive: 'u32', attributes: 'u32', propagation: 'u32' },
  },
  /** The first half of `mount` in a root: a new file system, held until `attachMount`. */
  createMount: {
    code: 61,
    actor: 'any',
    fields: { type: 'string', source: 'string', attributes: 'u32', data: 'string' },
  },
  /**
   * move_mount of what is held to a destination inside the root, made when missing. Refused with EPERM where the
   * destination lies in procfs or sysfs, whatever links led there.
   */
  attachMount: { code: 62, actor: 'any', fields: { destination: 'string' } },
  /**
   * umount2(MNT_DETACH) of what is mounted at a path inside the root. `mount`: the id in mountinfo that it must have
   * (ESTALE: somebody mounted something else there).
   */
  unmount: { code: 63, actor: 'any', fields: { path: 'string', mount: 'u64' } },
  /** The monitor has this file locked (flock, shared) as long as it lives: a process with a `lease` of it stays meanwhile. */
  useLease: { code: 80, actor: 'monitor', fields: { path: 'string' } },
  /**
   * Has the monitor kill what the process leaves running in a pid namespace of others, which goes on without it: all there that
   * is in the process's user namespace, which has to be its own.
   */
  killLeft: { code: 86, actor: 'monitor', fields: {} },
  /**
   * Opens a process whose namespaces the new one is to be born in. They are joined at the clone, the user namespace after all
   * others, by a process in between, so that the monitor stays outside. Refused when its start time is another (0: not checked).
   */
  holdNamespaces: { code: 70, actor: 'monitor', fields: { pid: 'u32', startTime: 'u64', flags: 'u32' } },
  /**
   * Makes sure that the monitor is in the user namespace of a process, in which a container is made that is to have that one.
   * Refused when it has ended or its start time is another (ENOENT, ESRCH; 0: not checked), and when it is in another user namespace (ESTALE).
   */
  checkUserNamespace: { code: 81, actor: 'monitor', fields: { pid: 'u32', startTime: 'u64' } },
  /**
   * A new proc, sysfs, mqueue or cgroup2 of joined namespaces, which those may make who own them: made at the clone by the
   * process in between, before it enters a user namespace.
   */
  prepareMount: {
    code: 71,
    actor: 'monitor',
    fields: { type: 'string', source: 'string', attributes: 'u32', data: 'string' },
  },
  /** move_mount of the next one that was prepared, in their order, as `mount` does it. */
  attachPrepared: { code: 72, actor: 'init', fields: { destination: 'string' } },
  /**
   * Opens a namespace for `enterNamespace`: that of a process (pid 0: of this one), or of a user or pid namespace's the one
   * so many generations above it. `type` is CLONE_NEW*. Refused when the start time is another (ESRCH; 0: not checked), and
   * when it is another namespace than `inode` (ESTALE; 0: any). `slot`: less than 16.
   */
  openNamespace: {
    code: 75,
    actor: 'any',
    fields: { slot: 'u32', pid: 'u32', startTime: 'u64', type: 'u32', ancestor: 'u32', inode: 'u64' },
  },
  /** setns to what is held. A pid namespace counts for children: see `fork`. */
  enterNamespace: { code: 76, actor: 'any', fields: { slot: 'u32', type: 'u32' } },
  /** Opens the root folder of a process, which chroot(2) may have made another than its mount namespace's. */
  openRoot: { code: 77, actor: 'init', fields: { slot: 'u32', pid: 'u32', startTime: 'u64' } },
  /** chroot to what is held. */
  enterRoot: { code: 78, actor: 'init', fields: { slot: 'u32' } },
  /** A child takes the place of this process, which ends: the first one in a pid namespace that was entered. */
  fork: { code: 79, actor: 'init', fields: {} },
} as const satisfies Record<string, StepShape>;

export type StepKind = keyof typeof stepShapes;

type FieldValue<T extends FieldType> = T extends 'u32'
  ? number
  : T extends 'u64'
    ? bigint
    : T extends 'string'
      ? string
      : T extends 'strings'
        ? readonly string[]
        : Uint8Array;

type FieldsOf<K extends StepKind> = {
  -readonly [F in keyof (typeof stepShapes)[K]['fields']]: FieldValue<(typeof stepShapes)[K]['fields'][F] & FieldType>;
};

/** What a failure of the step means. */
export type Tolerance =
  /** A missing path (ENOENT, ENOTDIR) is fine: the path to mask need not exist. */
  | 'missing'
  /** Any error is recorded and passed over. */
  | 'any';

export type StepOf<K extends StepKind> = { kind: K; tolerate?: Tolerance } & FieldsOf<K>;
export type Step = { [K in StepKind]: StepOf<K> }[StepKind];
export type Plan = readonly Step[];

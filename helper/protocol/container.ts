import type { Mount, NamespaceType, Process, Resources, Rlimit, Seccomp, TimeOffset } from './oci.js';
import type { PortMapping, PublishedPort } from './ports.js';
import type { SeccompChoice } from './seccomp.js';

/** Where a container's root file system comes from. */
export type RootSource =
  /** This machine's own `/`, read-only, below a private writable layer. */
  | {
      kind: 'host';
      /** Absolute folders to hide beside those that are hidden by default (`ListHostFolders`), and such to show. */
      hide?: string[];
      show?: string[];
    }
  | { kind: 'image'; name: string }
  /** A folder that holds a root file system, used as read-only lower layer. */
  | { kind: 'directory'; path: string };

/** What becomes of writes. `overlay`: kept in the container's own layer; `tmpfs`: in memory, gone at exit; `none`: refused. */
export type Writable = 'overlay' | 'tmpfs' | 'none';

/** Whose network: a new one with only `lo`, the host's, another container's, any process's, or a new one connected to a named network. */
export type NetworkChoice =
  | { kind: 'none' }
  | { kind: 'host' }
  | { kind: 'container'; container: string }
  /** `pid` as this machine has it, of a process of this user. */
  | { kind: 'process'; pid: number }
  /** `address`: IPv4, of the network's subnet; default: one that is free. */
  | { kind: 'bridge'; network: string; address?: string };

/** Somebody whose namespace is joined: a running container, by name or id, or a process of this user, by its pid out here. */
export type NamespaceReference = { container: string } | { process: number };

/** Whose namespace: a new one, this machine's, or somebody's. */
export type NamespaceChoice = 'new' | 'host' | NamespaceReference;

/** The network's is chosen in `network`, which says more. */
export type NamespaceChoices = Partial<Record<Exclude<NamespaceType, 'network'>, NamespaceChoice>>;

/**
 * What a person asks for: every field may be left out, the helper fills in the defaults and answers with a `Config`.
 * This is also the content of a `*.terrarium.json` file.
 */
export interface ContainerSpecification {
  name?: string;
  root?: RootSource;
  writable?: Writable;
  hostname?: string;
  /** Empty or absent: the container stays up until it is stopped, with an init of ours as PID 1. */
  args?: string[];
  env?: string[];
  cwd?: string;
  /** `name`, `uid`, `name:group` or `uid:gid`, resolved inside the root. */
  user?: string;
  terminal?: boolean;
  mounts?: Mount[];
  network?: NetworkChoice;
  /** A pod that it is in. What the containers of that share, and the group of limits, is then the pod's to say. */
  pod?: string;
  /** Published when it starts, withdrawn when it ends. */
  ports?: PortMapping[];
  /**
   * Default: all are new, but time, which is new only with `timeOffsets`; with `chroot` only user and mount. What cannot be
   * is refused: see helper/specification/namespaces.ts.
   */
  namespaces?: NamespaceChoices;
  timeOffsets?: { monotonic?: TimeOffset; boottime?: TimeOffset };
  /** A group of containers, made when its first one starts, with limits of its own for all of them together. */
  group?: string;
  resources?: Resources;
  rlimits?: Rlimit[];
  /** `CAP_…` names added to or dropped from the default set. */
  capabilities?: { add?: string[]; drop?: string[] };
  /** Default: the built-in profile; `unconfined`: none. */
  seccomp?: 'default' | 'unconfined' | Seccomp | SeccompChoice;
  noNewPrivileges?: boolean;
  /**
   * User namespaces made inside, and others in them. `true`: the default profile lets them be made, and mounts with them. `false`:
   * the kernel allows none (`user.max_user_namespaces`), whatever the profile. Absent: as the profile has it, whose default lets only
   * containers with CAP_SYS_ADMIN make them.
   */
  nestedNamespaces?: boolean;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  sysctl?: Record<string, string>;
  oomScoreAdj?: number;
  /** Leave with `chroot` instead of pivot_root: weak on purpose, to compare. */
  chroot?: boolean;
  /** A small init of ours as PID 1 that reaps orphans and forwards signals to `args`. */
  init?: boolean;
  annotations?: Record<string, string>;
}

export type ContainerState = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

/** A process is known by pid and start time (clock ticks since boot, field 22 of /proc/PID/stat): pids are recycled. */
export interface ProcessIdentity {
  pid: number;
  startTime: number;
}

/** How a process ended, as its monitor recorded it. */
export interface ExitRecord {
  exitCode: number;
  /** Number of the signal that ended it, 0 for none; `exitCode` is then 128 + signal. */
  signal: number;
  oomKilled: boolean;
  /** ISO 8601. */
  finishedAt: string;
}

export interface ContainerSummary {
  id: string;
  name: string;
  state: ContainerState;
  root: RootSource;
  createdAt: string;
  startedAt?: string;
  init?: ProcessIdentity;
  exit?: ExitRecord;
  args: string[];
  hostname?: string;
  /** The group it was made in, with limits for all in it together. */
  group?: string;
  pod?: string;
  terminal: boolean;
  /** Made with chroot(2) alone, weak on purpose: to be marked wherever it is shown. */
  chroot?: true;
  /** Remove when it ends. */
  remove: boolean;
  /** Set when the monitor died without leaving an exit record: the exit status is unknown. */
  monitorLost?: boolean;
  /**
   * How a paused one is held. `signals`: each process by SIGSTOP, where there is no freezer; parents inside can see that, and
   * what enters meanwhile runs.
   */
  pausedBy?: 'freezer' | 'signals';
  /** Ports of this machine that lead to it now; absent when there are none. */
  ports?: PublishedPort[];
  /**
   * Set when the record of the container cannot be read, to what is wrong with it. Then nothing is known of its root and
   * command, and it can only be removed, by force when it runs.
   */
  damaged?: string;
}

/** `terrarium inspect`: the OCI state with what Docker users expect beside it. */
export interface ContainerInspection {
  ociVersion: string;
  id: string;
  name: string;
  status: ContainerState;
  pid: number;
  bundle: string;
  annotations: Record<string, string>;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  exitCode?: number;
  signal?: number;
  oomKilled?: boolean;
  root: RootSource;
  config: unknown;
  /** Its root was entered by chroot(2) alone, which OCI has no word for. */
  chroot?: true;
  cgroup?: { version: 1 | 2; paths: Record<string, string> };
  identity: { mapping: 'range' | 'single'; explanation: string; uidMappings: string; gidMappings: string };
}

export interface ProcessInfo {
  identity: ProcessIdentity;
  /** The pid inside the container's pid namespace. */
  innerPid: number;
  parentPid: number;
  /** Both owners: as the host sees it and as the container does. */
  hostUid: number;
  uid: number;
  command: string;
  /** R running, S sleeping, D waiting, T stopped, Z zombie and so on: proc_pid_stat(5). */
  state: string;
  threads: number;
  rssBytes: number;
  /** CPU time that it has used itself so far, user and system together. */
  cpuMicroseconds: number;
  /** Types of namespaces in which it is elsewhere than the first process; absent where the kernel does not say. */
  ownNamespaces?: NamespaceType[];
}

export interface NamespaceInfo {
  type: NamespaceType;
  inode: number;
  /** `own`: differs from the host's. */
  relation: 'own' | 'host';
  /** Names of other containers in the same namespace. */
  sharedWith: string[];
  /** Whose it was when it was joined, as it was asked for. */
  joined?: NamespaceReference;
  /** Of the user namespace: which ids inside stand for which outside, in sentences. */
  explanation?: string[];
}

export interface MountInfo {
  id: number;
  parent: number;
  device: string;
  root: string;
  destination: string;
  type: string;
  source: string;
  options: string[];
  superOptions: string[];
  /** `private`, `unbindable`, `shared:N`, `master:N` (a slave of peer group N), or several with spaces between. */
  propagation: string;
  /**
   * Why it is there, for what `mount/remove` takes: asked for when the container was made, or added while it runs. Absent
   * for what every container has, and for what processes inside mounted.
   */
  origin?: 'specification' | 'added';
  /** The next start has it too. */
  kept?: boolean;
}

export interface CapabilityReport {
  sets: Record<'bounding' | 'effective' | 'permitted' | 'inheritable' | 'ambient', string[]>;
  noNewPrivileges: boolean;
  /** 0 off, 1 strict, 2 filter. */
  seccomp: number;
  securityLabel?: string;
}

export interface ExecSpecification extends Partial<Pick<Process, 'cwd' | 'env'>> {
  /** Empty: the best shell found in the root. */
  args?: string[];
  user?: string;
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  /** Keep standard input open for a client that attaches; else it is /dev/null. A terminal always has input. */
  stdin?: boolean;
  /** Which namespaces of the target are entered; those that the helper is in already count as entered. Default: all. */
  namespaces?: NamespaceType[];
  /**
   * `CAP_…` names: the bounding set, and what is effective and permitted; of a user that is not root inheritable and ambient
   * too, since executing a program takes the others. Default: what the target's own processes may have.
   */
  capabilities?: string[];
  /**
   * Bring your own tools: `/` of this process alone becomes another root, and the target's is at `/target`. Of the host its
   * programs (`/usr` and what they need in `/etc`), read-only.
   */
  tools?: { root: RootSource };
}

/** Where the output of a process can be had, and its input given: see docs/stage.md, "Attach". */
export interface AttachTarget {
  socket: string;
  /** A program that connects a terminal to it, with its arguments. */
  program: string;
  args: string[];
}

export interface ExecSession {
  session: string;
  /** Id of the container that was entered; absent for a process that is in none of ours. */
  container?: string;
  args: string[];
  identity: ProcessIdentity;
  attach: AttachTarget;
  /** What the process has not in common with what was entered, in sentences: a seccomp filter, a label, a control group. */
  notices?: string[];
}

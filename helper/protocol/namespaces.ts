/** Seeing the namespaces of the machine and any process in them: what `namespace/*` and `process/*` answer. */
import { RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { MountInfo, ProcessIdentity } from './container.js';
import type { ErrorData } from './errors.js';
import type { CapabilitySets, IdMapping, NamespaceType, Rlimit } from './oci.js';

/** Numbers of the files of nsfs: what `readlink /proc/PID/ns/net` has in brackets. */
export type NamespaceInodes = Partial<Record<NamespaceType, number>>;

/** One of our containers. */
export interface ContainerName {
  id: string;
  name: string;
}

/** A process as far as its namespaces are concerned. */
export interface NamespaceProcess {
  identity: ProcessIdentity;
  parentPid: number;
  /** The pid in its own pid namespace, which may be nested below the helper's. */
  innerPid: number;
  /** Real user id, as the helper's user namespace sees it, and its name in /etc/passwd where it has one. */
  uid: number;
  user: string;
  command: string;
  /** The ones it is in; a zombie is in few. */
  namespaces: NamespaceInodes;
  /** Where its children will be, when that is elsewhere: after unshare(CLONE_NEWPID), unshare(CLONE_NEWTIME) or setns. */
  forChildren: Pick<NamespaceInodes, 'pid' | 'time'>;
  container?: ContainerName;
  /** The program that makes sandboxes and that this process is, or descends from: `bwrap`, `podman`… */
  runtime?: string;
}

/** What keeps a namespace beside processes that are in it. `path` as the process `pid` sees it; without one, the helper. */
export type NamespaceHolder =
  | { kind: 'mount'; path: string; pid?: number }
  | { kind: 'descriptor'; pid: number; fd: number }
  | { kind: 'children'; pid: number }
  /** It owns, or is the parent of, one that is there. */
  | { kind: 'descendant'; type: NamespaceType; inode: number };

/** One namespace that the helper's user may see. */
export interface NamespaceEntry {
  type: NamespaceType;
  inode: number;
  /** The helper is in it itself. */
  host: boolean;
  /** Inode of the user namespace that owns it; absent when that lies outside of what the helper may see. */
  owner?: number;
  /** Of a user or pid namespace; absent for the outermost one that the helper may see. */
  parent?: number;
  /** Of a user namespace: who made it. */
  creator?: { uid: number; user: string };
  /** How many are in it, and the lowest of their pids. */
  processes: number;
  firstPid?: number;
  /** At most a few for each kind: what matters is that there is one. */
  holders: NamespaceHolder[];
  /** Our containers with a process in it. */
  containers: ContainerName[];
  /** Programs that make sandboxes, with a process in it: see `NamespaceProcess`. */
  runtimes: string[];
}

/** Every namespace on the machine that the helper's user may see. */
export interface NamespaceReport {
  /** Of nsfs, `MAJOR:MINOR`: inodes are numbers on it. */
  device: string;
  /** By type, then inode. */
  namespaces: NamespaceEntry[];
  /** By pid. */
  processes: NamespaceProcess[];
  /** What the kernel would not tell (EACCES), so that nobody takes the report for more than it is. */
  refused: {
    /** Processes whose namespaces may not be read, by user. */
    processes: { user: string; count: number }[];
    /** Processes whose open descriptors may not be read: they may keep namespaces that are not listed. */
    descriptors: number;
    /** The option that hides processes of others altogether, when /proc is mounted with it: `hidepid=invisible`. */
    hidepid?: string;
  };
}

export const ListMachineNamespaces = new RequestType0<NamespaceReport, ErrorData>('namespace/list');

// ---- any process -------------------------------------------------------------------------------------------------

/** A process by its pid (and the start time, where the pid was read earlier), a container's init, or the host's. */
export type ProcessTarget = { pid: number; startTime?: number } | { container: string } | { host: true };

export interface InspectProcessParams {
  target: ProcessTarget;
  /** It may hold secrets: only on demand. */
  environment?: boolean;
  /** Its open descriptors. */
  files?: boolean;
}

/** A namespace of an inspected process. */
export interface InspectedNamespace {
  type: NamespaceType;
  /** /proc/PID/ns/…, as the runtime specification names a namespace to join. */
  path: string;
  inode: number;
  /** `host`: the helper's own; `container`: of one or more of ours; `other`. */
  relation: 'host' | 'container' | 'other';
  /** Our containers whose init is in it. */
  containers: ContainerName[];
}

/** One process id in two worlds: as the helper's user namespace sees it, and as the process's own does. */
export interface InspectedId {
  outside: number;
  /** Absent when the process's own user namespace does not map it; it then shows as 65534 there. */
  inside?: number;
}

export interface OpenFile {
  fd: number;
  /** The file's path as the kernel knows it, or `socket:[INODE]`, `pipe:[INODE]`, `anon_inode:…`. */
  target: string;
  /** Offset, in bytes. */
  position?: number;
  /** O_* of open(2), by name. */
  flags?: string[];
}

/** One document about a process: in the words of the OCI runtime configuration where that has them. */
export interface ProcessInspection {
  identity: ProcessIdentity;
  container?: ContainerName;
  /** At most 15 bytes, chosen by the process. */
  name: string;
  /** R running, S sleeping, D waiting, T stopped, Z zombie and so on: proc_pid_stat(5). */
  state: string;
  /** ISO 8601. */
  startedAt: string;
  /** Its pid in each pid namespace from the helper's down to its own. */
  pids: number[];
  /** From its parent up. */
  parents: { identity: ProcessIdentity; command: string }[];
  process: {
    args: string[];
    cwd?: string;
    executable?: string;
    user: {
      real: InspectedId;
      effective: InspectedId;
      saved: InspectedId;
      fileSystem: InspectedId;
    };
    group: {
      real: InspectedId;
      effective: InspectedId;
      saved: InspectedId;
      fileSystem: InspectedId;
    };
    additionalGids: InspectedId[];
    /** Octal, as umask(1) prints it. */
    umask?: string;
    capabilities: CapabilitySets;
    noNewPrivileges: boolean;
    rlimits: InspectedRlimit[];
    oomScoreAdj: number;
    /** AppArmor's or SELinux's label. */
    securityLabel?: string;
    /** `NAME=value`; only on demand. */
    env?: string[];
  };
  root?: { path: string; readonly: boolean };
  mounts?: MountInfo[];
  linux: {
    namespaces?: InspectedNamespace[];
    uidMappings?: IdMapping[];
    gidMappings?: IdMapping[];
    /** The same in words. */
    mappingExplanation?: string[];
    timeOffsets?: Record<string, { secs: number; nanosecs: number }>;
    /** Its group in each hierarchy, by controllers (`memory`, `cpu,cpuacct`); v2 has the empty name. */
    cgroups: Record<string, string>;
    seccomp: { mode: 'disabled' | 'strict' | 'filter'; filters?: number };
    /** Those that its namespaces have values of their own for. */
    sysctl?: Record<string, string>;
  };
  usage: {
    threads: number;
    residentBytes: number;
    /** Microseconds, since it was started. */
    cpuUserMicroseconds: number;
    cpuSystemMicroseconds: number;
    readBytes?: number;
    writtenBytes?: number;
  };
  files?: OpenFile[];
  /** Why something is missing above, by its place in this document: `process.env`, `linux.sysctl`. */
  unreadable: Record<string, string>;
}

/** Numbers as the kernel has them; `unlimited` is its own word. */
export interface InspectedRlimit extends Omit<Rlimit, 'soft' | 'hard'> {
  soft: number | 'unlimited';
  hard: number | 'unlimited';
}

/** @throws NotFound when the process has ended, or is another one by now. */
export const InspectProcess = new RequestType<InspectProcessParams, ProcessInspection, ErrorData>('process/inspect');

// ---- two of them -------------------------------------------------------------------------------------------------

export const comparisonTopics = [
  'namespaces',
  'ids',
  'capabilities',
  'confinement',
  'mounts',
  'sysctl',
  'cgroup',
  'limits',
  'rlimits',
] as const;
export type ComparisonTopic = (typeof comparisonTopics)[number];

/** Something that is not alike. `null`: one of the two has no such thing. */
export interface Difference {
  name: string;
  a: string | null;
  b: string | null;
}

export interface ComparisonSection {
  topic: ComparisonTopic;
  differences: Difference[];
  /** Names of what is alike. */
  same: string[];
  /** What could not be compared, and why. */
  unknown?: string;
}

export interface ComparedProcess {
  identity: ProcessIdentity;
  command: string;
  container?: ContainerName;
  /** It stands for the machine, as asked. */
  host?: true;
}

export interface ProcessComparison {
  a: ComparedProcess;
  b: ComparedProcess;
  sections: ComparisonSection[];
}

export const CompareProcesses = new RequestType<{ a: ProcessTarget; b: ProcessTarget }, ProcessComparison, ErrorData>(
  'process/compare',
);

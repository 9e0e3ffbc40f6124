import { NotificationType, NotificationType0, RequestType, RequestType0 } from 'vscode-jsonrpc';
import type {
  AttachTarget,
  CapabilityReport,
  ContainerInspection,
  ContainerSpecification,
  ContainerSummary,
  ExecSession,
  ExecSpecification,
  MountInfo,
  NamespaceInfo,
  ProcessInfo,
} from './container.js';
import type { ErrorData } from './errors.js';
import type { Ledger, LedgerSummary } from './ledger.js';
import type {
  CgroupNode,
  CgroupProcess,
  ContainerStats,
  CountedKnob,
  DetailedStats,
  GroupSummary,
  LimitChange,
  LimitEdit,
  LimitNumber,
  LimitsOutcome,
  LimitsPreview,
  LimitsReport,
  LimitTarget,
} from './limits.js';
import type { DoctorReport } from './machine.js';

/** `container` is an id, an unambiguous start of one, or a name. */
export interface ContainerReference {
  container: string;
}

// ---- containers: client → helper ---------------------------------------------------------------------------------
export const ListContainers = new RequestType0<ContainerSummary[], ErrorData>('container/list');

/** Makes a container and its writable layer; starts nothing. */
export interface CreateParams {
  specification: ContainerSpecification;
  /** Remove it soon after its process has ended; nothing in it is made to survive a crash of the machine. */
  remove?: boolean;
  /** Keep standard input open for a client that attaches; else it is /dev/null. A terminal always has input. */
  stdin?: boolean;
}
export const CreateContainer = new RequestType<CreateParams, ContainerSummary, ErrorData>('container/create');

export interface StartResult {
  summary: ContainerSummary;
  attach: AttachTarget;
}
export const StartContainer = new RequestType<ContainerReference, StartResult, ErrorData>('container/start');
/** Create and start in one round trip. Nothing is left behind when the start fails. */
export const RunContainer = new RequestType<CreateParams, StartResult, ErrorData>('container/run');

export interface StopParams extends ContainerReference {
  /** Default SIGTERM. Name or number. */
  signal?: string;
  /** Seconds until SIGKILL; default 10. */
  graceSeconds?: number;
}
export const StopContainer = new RequestType<StopParams, ContainerSummary, ErrorData>('container/stop');
export interface KillParams extends ContainerReference {
  /** Default SIGKILL. */
  signal?: string;
  /** A process of the container, by its host pid; default its init. */
  pid?: number;
}
export const KillContainer = new RequestType<KillParams, null, ErrorData>('container/kill');
export const PauseContainer = new RequestType<ContainerReference, ContainerSummary, ErrorData>('container/pause');
export const ResumeContainer = new RequestType<ContainerReference, ContainerSummary, ErrorData>('container/resume');
export const RestartContainer = new RequestType<StopParams, StartResult, ErrorData>('container/restart');
export interface RenameParams extends ContainerReference {
  name: string;
}
export const RenameContainer = new RequestType<RenameParams, ContainerSummary, ErrorData>('container/rename');
export interface RemoveParams extends ContainerReference {
  /** Kill it first when it runs. */
  force?: boolean;
}
export const RemoveContainer = new RequestType<RemoveParams, null, ErrorData>('container/remove');
/** Answers when the container has ended. */
export const WaitContainer = new RequestType<ContainerReference, ContainerSummary, ErrorData>('container/wait');
export interface ExecParams extends ContainerReference {
  process: ExecSpecification;
}
export const ExecInContainer = new RequestType<ExecParams, ExecSession, ErrorData>('container/exec');
/** Attach to the container's own init (its terminal or its output). */
export const AttachContainer = new RequestType<ContainerReference, AttachTarget, ErrorData>('container/attach');

export interface LogEntry {
  stream: 'stdout' | 'stderr' | 'gap';
  /** Nanoseconds since the epoch, as a decimal string: beyond a double's precision. */
  time: string;
  /** base64: output is bytes. */
  data: string;
}
export interface LogsResult {
  entries: LogEntry[];
  /** Where the next call goes on. */
  next: string;
}
export interface LogsParams extends ContainerReference {
  from?: string;
  /** At most this many bytes; default 1 MiB. */
  limit?: number;
}
/** What the container has printed, kept by its monitor. To follow it, attach. */
export const ReadLogs = new RequestType<LogsParams, LogsResult, ErrorData>('container/logs');

// ---- looking inside ----------------------------------------------------------------------------------------------
export const InspectContainer = new RequestType<ContainerReference, ContainerInspection, ErrorData>(
  'container/inspect',
);
export const ListProcesses = new RequestType<ContainerReference, ProcessInfo[], ErrorData>('container/processes');
export const ListNamespaces = new RequestType<ContainerReference, NamespaceInfo[], ErrorData>('container/namespaces');
export const ListMounts = new RequestType<ContainerReference, MountInfo[], ErrorData>('container/mounts');
export interface ReadCapabilitiesParams extends ContainerReference {
  /** A process of the container, by its host pid; default its init. */
  pid?: number;
}
export const ReadCapabilities = new RequestType<ReadCapabilitiesParams, CapabilityReport, ErrorData>(
  'container/capabilities',
);

// ---- limits ------------------------------------------------------------------------------------------------------
export const ReadLimits = new RequestType<LimitTarget, LimitsReport, ErrorData>('limits/read');
export interface LimitChangesParams {
  target: LimitTarget;
  changes: LimitChange[];
}
/** What the changes would write, in order, and what would come of it. Writes nothing. `Invalid` for nonsense. */
export const PreviewLimits = new RequestType<LimitChangesParams, LimitsPreview, ErrorData>('limits/preview');
export interface SetLimitsParams extends LimitChangesParams {
  /** Default `removed`: kept for all later starts. `restart`: the next start has what was there before. */
  until?: 'restart' | 'removed';
  /** Roll back after so many seconds unless `limits/keep` is said, also when this client goes away. */
  trySeconds?: number;
}
/** Writes, reads back and answers with what the kernel made of it. All or nothing: a refused one undoes the others. */
export const SetLimits = new RequestType<SetLimitsParams, LimitsOutcome, ErrorData>('limits/set');
/** Makes a trial lasting. `WrongState` when it has rolled back already. */
export const KeepLimits = new RequestType<{ target: LimitTarget; edit: string }, LimitsReport, ErrorData>(
  'limits/keep',
);
/** Takes the latest edit back. `WrongState` when there is none, or when somebody changed the same limits since. */
export const UndoLimits = new RequestType<{ target: LimitTarget }, LimitsOutcome, ErrorData>('limits/undo');
/** The latest edits, oldest first. */
export const ListLimitEdits = new RequestType<{ target: LimitTarget }, LimitEdit[], ErrorData>('limits/edits');

/** The named groups of containers. */
export const ListGroups = new RequestType0<GroupSummary[], ErrorData>('group/list');

// ---- control groups of the machine -------------------------------------------------------------------------------
/** The groups below one; without a path the hierarchies of the machine. */
export const ListCgroups = new RequestType<{ path?: string }, CgroupNode[], ErrorData>('cgroup/list');
export const ListCgroupProcesses = new RequestType<{ path: string }, CgroupProcess[], ErrorData>('cgroup/processes');
/** Replaces the groups of which this client wants to hear when what `cgroup/list` says of them differs. */
export const WatchCgroups = new RequestType<{ paths: string[] }, null, ErrorData>('cgroup/watch');

// ---- the ledger --------------------------------------------------------------------------------------------------
export const ListLedgers = new RequestType<ContainerReference, LedgerSummary[], ErrorData>('ledger/list');
export interface LedgerParams extends ContainerReference {
  /** Default: the latest start. */
  operation?: string;
}
export const ReadLedger = new RequestType<LedgerParams, Ledger, ErrorData>('ledger/read');
export interface RenderLedgerParams extends LedgerParams {
  /** `markdown` to read; `script`: the plan as a shell script that a person can run. */
  format: 'markdown' | 'script';
}
export const RenderLedger = new RequestType<RenderLedgerParams, { text: string }, ErrorData>('ledger/render');

// ---- the machine -------------------------------------------------------------------------------------------------
/** Tries what containers need, one thing after another. */
export const RunDoctor = new RequestType0<DoctorReport, ErrorData>('doctor/run');

// ---- what a client watches: only while it is visible ---------------------------------------------------------------
/** Replaces what this client wants sampled once a second: many in brief, some in detail. Empty: nothing polls. */
export interface WatchStatsParams {
  containers: string[];
  details?: LimitTarget[];
}
export const WatchStats = new RequestType<WatchStatsParams, null, ErrorData>('stats/watch');

// ---- specification files, of which the helper speaks as a language server ----------------------------------------
/** What the client says with `initialize`. */
export interface InitializationOptions {
  /** Default true. In a workspace that is not trusted, paths that its files name are not even looked at. */
  trusted?: boolean;
}
/** The person has come to trust the workspace. */
export const TrustGranted = new NotificationType0('workspace/trustGranted');

// ---- helper → client ---------------------------------------------------------------------------------------------
/** Something about containers changed: the whole list, since it is short and order-free. */
export const ContainersChanged = new NotificationType<{ containers: ContainerSummary[] }>('container/changed');
export const StatsSampled = new NotificationType<{ stats: ContainerStats[] }>('stats/sampled');
export const DetailsSampled = new NotificationType<{ details: DetailedStats[] }>('stats/detailed');
/** Limits were edited, undone or rolled back, by whichever client: read them anew. */
export const LimitsChanged = new NotificationType<{ target: LimitTarget; edit: LimitEdit }>('limits/changed');
/** In these watched groups others were made or removed, processes came to an empty one, or a limit was written. */
export const CgroupsChanged = new NotificationType<{ paths: string[] }>('cgroup/changed');
/** A container ended in a way that a person should hear of. */
export const ContainerEnded = new NotificationType<{ summary: ContainerSummary; message: string }>('container/ended');
/** A limit of a running container has bitten: a process was killed for memory, or a fork refused. `value` is in force. */
export const LimitReached = new NotificationType<{
  summary: ContainerSummary;
  limit: CountedKnob;
  /** `max`: nobody limited it; the machine itself had no more. */
  value: LimitNumber;
  /** Whose limit it was, when it was not the container's own: the group's it is in, or of a cgroup further above. */
  of?: LimitTarget;
  /** How often so far. */
  count: number;
  message: string;
}>('limits/reached');

import type { KnobName } from './knobs.js';

/** What has limits: a container, a group of containers, or any control group of the machine that the user may read. */
export type LimitTarget =
  /** An id, an unambiguous start of one, or a name. */
  | { container: string }
  /** The name of a group that containers were made in; `allContainers` for Terrarium as a whole. */
  | { group: string }
  /** The absolute path of a cgroup's folder, as `cgroup/list` gives it. */
  | { cgroup: string };

/** The group that all containers of this user are in. */
export const allContainers = '/';

/** A group that containers were made in, or that limits are kept for. */
export interface GroupSummary {
  name: string;
  /** Ids of its containers, running or not. */
  containers: string[];
  /** It has a cgroup now, since a container in it runs. */
  live: boolean;
}

/** A reason and what to do about it, meant to be copied. */
export interface Remedy {
  reason: string;
  remedy: string;
}

export interface LimitReading {
  /** The name of a knob (`knobOf`). */
  name: string;
  /**
   * In the text of the knob's kind, cgroup v2's whatever the machine has. Of a running container what the kernel holds
   * now, read back. Absent: nothing is set for the next start, or there is no such file.
   */
  value?: string;
  /** Verbatim content of the file; of several files of v1 with a space between. */
  raw?: string;
  /** The files it is kept in, absolute. Empty for what is not live. */
  files: string[];
  /** Bytes, cores, count. Absent where the kernel counts none. */
  usage?: number;
  /** The high-water mark, in the unit of `usage`. */
  peak?: number;
  /** The tightest value along all ancestors, and which one sets it, when tighter than the own one. */
  effective?: { value: string; path: string };
  /** What the next start will have, where that differs from what is in force. */
  nextStart?: string;
  writable: boolean;
  /** Why it cannot be written, and what to do about it. */
  unavailable?: Remedy;
}

/** A disk that io.max and io.weight can name: whole disks only, as the kernel wants it. */
export interface BlockDevice {
  /** `MAJOR:MINOR`. */
  number: string;
  /** As in /dev, without the folder. */
  name: string;
  /** What people know it by: model, mount points. */
  description: string;
}

export interface LimitEvents {
  oomKills: number;
  pidsRefused: number;
  throttledMicroseconds: number;
}

export interface LimitsReport {
  target: LimitTarget;
  /** The container's or group's name, or the folder below the hierarchy's mount point. */
  title: string;
  /** How limits are kept: v2, v1 (hybrid machines too), or not at all: then rlimits alone. */
  mode: 'v2' | 'v1' | 'none';
  /** There is a cgroup, and changes take effect at once; else these are the limits of the next start. */
  live: boolean;
  /** Its processes run, be it without a cgroup: limits of processes (`RLIMIT_…`) take effect at once. */
  running?: true;
  /** Knobs of every controller that the machine offers, in the order of `knobs`, then those it does not know, by name. */
  readings: LimitReading[];
  devices: BlockDevice[];
  /** Shown above the form when the mode is `none` or something is missing. */
  notice?: Remedy;
  events: LimitEvents;
  /** Changes that roll back by themselves unless they are kept. */
  trial?: LimitTrial;
  /** The latest edit, when it can be undone. */
  undoable?: LimitEdit;
}

export interface LimitChange {
  name: string;
  /** In the text of the knob's kind. */
  value: string;
}

export interface LimitTrial {
  edit: string;
  /** ISO 8601. */
  rollsBackAt: string;
}

/** A change that was made: a mark on the time axis, and what undo takes back. */
export interface LimitEdit {
  id: string;
  /** ISO 8601. */
  at: string;
  /** `rollback`: a trial that nobody kept. */
  kind: 'edit' | 'undo' | 'rollback';
  changes: { name: string; before: string; after: string }[];
}

/** One write(2), in the order in which they are made: no moment is tighter than both before and after. */
export interface LimitWrite {
  /** Absolute; for rlimits `RLIMIT_…` of N processes is said by `name` alone and the file is empty. */
  file: string;
  name: string;
  data: string;
  /** What the kernel made of it, read back. Only of what was done. */
  held?: string;
}

/** What a change will do now, in a sentence. */
export interface LimitForecast {
  name: string;
  severity: 'plain' | 'warning' | 'danger';
  text: string;
}

export interface LimitsPreview {
  writes: LimitWrite[];
  forecasts: LimitForecast[];
}

export interface LimitsOutcome {
  report: LimitsReport;
  writes: LimitWrite[];
  edit: LimitEdit;
}

// ---- statistics --------------------------------------------------------------------------------------------------

/** What a running container uses, for lists of many. */
export interface ContainerStats {
  container: string;
  memoryBytes?: number;
  /** Bytes; `max` for no limit. The tightest along all ancestors is `memoryEffective`, where it is another. */
  memoryMax?: LimitNumber;
  memoryEffective?: number;
  pids?: number;
  pidsMax?: LimitNumber;
  /** Cores in use since the last sample. */
  cpu?: number;
  /** Cores. */
  cpuMax?: LimitNumber;
  oomKills?: number;
  /** Bytes per second since the last sample, of all devices. */
  ioRead?: number;
  ioWritten?: number;
}

export type LimitNumber = number | 'max';

/** Pressure stall information: the share of time in which some, or all, processes waited. Source: accounting/psi.rst. */
export interface PressureLine {
  /** Percent over 10, 60 and 300 seconds. */
  avg10: number;
  avg60: number;
  avg300: number;
  /** Microseconds since the group was made. */
  total: number;
}
export interface Pressure {
  some: PressureLine;
  full?: PressureLine;
}

export interface DeviceUse {
  /** `MAJOR:MINOR`. */
  device: string;
  name?: string;
  /** Per second since the last sample. */
  readBytes: number;
  writtenBytes: number;
  reads: number;
  writes: number;
}

/**
 * All that the kernel counts of one target, for the form. Absent: not counted here; rates (`cores`, `io`) also in the first
 * sample, since they are differences of two. Source of each number: docs/statistics.md.
 */
export interface DetailedStats {
  target: LimitTarget;
  /** ISO 8601. */
  at: string;
  memory?: { bytes: number; peak?: number; swapBytes?: number; events: Record<string, number> };
  cpu?: {
    cores?: number;
    usageMicroseconds: number;
    periods?: number;
    throttledPeriods?: number;
    throttledMicroseconds?: number;
  };
  pids?: { count: number; peak?: number; refused?: number };
  io?: DeviceUse[];
  pressure?: Partial<Record<'cpu' | 'memory' | 'io', Pressure>>;
  /** No such cgroup any more: the container has ended, or somebody removed it. */
  gone?: true;
}

// ---- control groups of the machine --------------------------------------------------------------------------------

/** One control group, wherever it came from. */
export interface CgroupNode {
  /** Absolute folder. */
  path: string;
  name: string;
  version: 1 | 2;
  controllers: string[];
  /** It has groups below. */
  hasChildren: boolean;
  /** Processes in it, not below; absent where the user may not read it. */
  processes?: number;
  /** Processes below it or in it. */
  populated?: boolean;
  memoryBytes?: number;
  pids?: number;
  /** Microseconds since it was made. */
  cpuMicroseconds?: number;
  /** The user may write its limits. */
  writable: boolean;
  /** Whose it is, when it is one of ours. */
  container?: { id: string; name: string };
  group?: string;
}

export interface CgroupProcess {
  pid: number;
  /** Clock ticks since boot. */
  startTime: number;
  user: string;
  command: string;
}

/** The limits of which the kernel tells when they bite. */
export type CountedKnob = Extract<KnobName, 'memory.max' | 'pids.max'>;

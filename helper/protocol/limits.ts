/** The limits that can be edited while a container runs. Names are cgroup v2's; v1 files are mapped onto them. */
export const limitNames = ['memory.max', 'memory.swap.max', 'cpu.max', 'cpu.weight', 'pids.max'] as const;
export type LimitName = (typeof limitNames)[number];

/**
 * The value of a limit: bytes, a count or a weight as a number; `cpu.max` in cores (0.5 is half a core); `max` for none.
 */
export type LimitValue = number | 'max';

export interface LimitReading {
  name: LimitName;
  /** What the kernel holds now, read back from its file. Absent when the file is. */
  value?: LimitValue;
  /** Verbatim content of the file. */
  raw?: string;
  file?: string;
  /** Bytes, cores, count. Absent where the kernel gives none. */
  usage?: number;
  /** The tightest value along all ancestors, and which one sets it, when tighter than the own one. */
  effective?: { value: LimitValue; path: string };
  writable: boolean;
  /** Why it cannot be written, and what to do about it. */
  unavailable?: { reason: string; remedy: string };
}

export interface LimitsReport {
  container: string;
  /** How the container's limits are kept: v2, v1 (hybrid machines too), or not at all. */
  mode: 'v2' | 'v1' | 'none';
  /** Running containers have a cgroup; for others these are the limits of the next start. */
  live: boolean;
  readings: LimitReading[];
  /** Shown above the form when the mode is `none` or something is missing. */
  notice?: { reason: string; remedy: string };
  events: { oomKills: number; pidsRefused: number; throttledMicroseconds: number };
}

export interface LimitChange {
  name: LimitName;
  value: LimitValue;
}

export interface ContainerStats {
  container: string;
  memoryBytes?: number;
  memoryMax?: LimitValue;
  pids?: number;
  pidsMax?: LimitValue;
  /** Cores in use since the last sample. */
  cpu?: number;
  oomKills?: number;
}

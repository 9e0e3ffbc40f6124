import type { BlockDevice, DeviceUse, LimitForecast, LimitReading } from '../../protocol/index.js';

/** What a forecast is made from: all that was read, so that forecasts are functions over data. */
export interface ForecastFacts {
  /** Of the cgroup it has or will have; undefined where there are none. */
  version: 1 | 2 | undefined;
  /** There is a cgroup, and changes count at once. */
  live: boolean;
  /** Its processes are there, with a cgroup or without. */
  running: boolean;
  readings: ReadonlyMap<string, LimitReading>;
  /** By the name of a changed knob: the tightest ancestor, where that is tighter than what is asked for. */
  tighter: ReadonlyMap<string, { value: string; path: string }>;
  /** What the group above has of the same file, of knobs that count only as far as that goes. */
  above: ReadonlyMap<string, string>;
  memory: MemoryFacts | undefined;
  /** Cores in use now. */
  cores: number | undefined;
  /** What is read and written now, by device. */
  io: readonly DeviceUse[];
  disks: readonly BlockDevice[];
  /** Of the container's init, by the name of an rlimit; Infinity for none. */
  hardLimits: ReadonlyMap<string, number>;
  machine: MachineFacts;
}

export interface MemoryFacts {
  /** Bytes that the kernel can drop: clean or dirty pages of files, and caches of its own. */
  reclaimable: number;
  /** Bytes that only swap could take. */
  anonymous: number;
}

export interface MachineFacts {
  memoryBytes: number;
  swapFreeBytes: number;
  swapBytes: number;
  /** Online, ascending. */
  cpus: readonly number[];
  /** NUMA nodes with memory. */
  nodes: readonly number[];
  /** kernel.pid_max. */
  pidMax: number;
  /** The helper may do on this machine what root may: raise hard limits. */
  isRoot: boolean;
}

/** What a change will do. */
export type Foresight = Omit<LimitForecast, 'name'>;

export const plain = (text: string): Foresight => ({ severity: 'plain', text });
export const warning = (text: string): Foresight => ({ severity: 'warning', text });
export const danger = (text: string): Foresight => ({ severity: 'danger', text });

/** `12 %`; below one percent with a digit more. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value < 1 ? Number(value.toFixed(1)) : Math.round(value)} %`;
}

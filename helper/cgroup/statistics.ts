import type { ContainerStats, DetailedStats, DeviceUse, LimitTarget } from '../protocol/index.js';
import type { CgroupCounters, TightestMemory } from './counters.js';
import type { ProcessUsage } from './processUsage.js';
import { coresBetween, deviceName, devicesBetween, type Mark, markOf } from './rates.js';
import { controllerFolder } from './record.js';

/** Where counters come from: a cgroup, and for what no controller counts the processes. */
export interface Sources {
  counters: CgroupCounters | undefined;
  /** Asked only where something is not counted; undefined when the processes are not known. */
  processes(): ProcessUsage | undefined;
}

/** Drops what is undefined: absent is how the protocol says "not counted here". */
function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** A container in brief: about eight small files. Rates are there from the second sample on. */
export function sampleBrief(
  container: string,
  { counters, processes }: Sources,
  tightest: TightestMemory,
  before?: Mark,
): { stats: ContainerStats; mark: Mark } {
  let memoryBytes = counters?.memoryBytes();
  let pids = counters?.pids();
  let cpuNanoseconds = counters?.cpuNanoseconds();
  const io = counters?.io();
  if (memoryBytes === undefined || pids === undefined || cpuNanoseconds === undefined) {
    const sum = processes();
    memoryBytes ??= sum?.memoryBytes;
    pids ??= sum?.tasks;
    cpuNanoseconds ??= sum?.cpuNanoseconds;
  }
  const mark = markOf(cpuNanoseconds, io);
  const memoryMax = counters?.memoryMax();
  const devices = devicesBetween(before, mark);
  const stats = present<ContainerStats>({
    container,
    memoryBytes,
    memoryMax,
    memoryEffective: counters === undefined ? undefined : effective(counters, tightest, memoryMax),
    pids,
    pidsMax: counters?.pidsMax(),
    cpu: coresBetween(before, mark),
    cpuMax: counters?.cpuMax(),
    oomKills: counters?.oomKills(),
    ioRead: devices && sum(devices, 'readBytes'),
    ioWritten: devices && sum(devices, 'writtenBytes'),
  });
  return { stats, mark };
}

/** All that is counted. Rates are there from the second sample on. */
export function sampleDetails(
  target: LimitTarget,
  { counters, processes }: Sources,
  before?: Mark,
): { stats: DetailedStats; mark: Mark } {
  let memoryBytes = counters?.memoryBytes();
  let count = counters?.pids();
  let cpu = counters?.cpu();
  const io = counters?.io();
  if (memoryBytes === undefined || count === undefined || cpu === undefined) {
    const summed = processes();
    memoryBytes ??= summed?.memoryBytes;
    count ??= summed?.tasks;
    cpu ??= summed && { usageMicroseconds: summed.cpuNanoseconds / 1000 };
  }
  const mark = markOf(cpu && cpu.usageMicroseconds * 1000, io);
  const cores = coresBetween(before, mark);
  const devices = devicesBetween(before, mark);
  const stats = present<DetailedStats>({
    target,
    at: new Date().toISOString(),
    memory:
      memoryBytes === undefined
        ? undefined
        : {
            ...present<{ bytes: number; peak?: number; swapBytes?: number }>({
              bytes: memoryBytes,
              peak: counters?.memoryPeak(),
              swapBytes: counters?.swapBytes(memoryBytes),
            }),
            events: counters?.memoryEvents() ?? {},
          },
    cpu: cpu && { ...(cores === undefined ? {} : { cores }), ...cpu },
    pids:
      count === undefined
        ? undefined
        : present<NonNullable<DetailedStats['pids']>>({
            count,
            peak: counters?.pidsPeak(),
            refused: counters?.pidsRefused(),
          }),
    io: devices?.map(named),
    pressure: counters?.pressure(),
    gone: undefined,
  });
  return { stats, mark };
}

function named(device: DeviceUse): DeviceUse {
  const name = deviceName(device.device);
  return name === undefined ? device : { ...device, name };
}

function sum(devices: readonly DeviceUse[], key: 'readBytes' | 'writtenBytes'): number {
  return devices.reduce((total, device) => total + device[key], 0);
}

/** The tightest memory limit along all ancestors, when it is tighter than the own one. */
function effective(
  { record }: CgroupCounters,
  tightest: TightestMemory,
  own: ContainerStats['memoryMax'],
): number | undefined {
  const folder = controllerFolder(record, 'memory');
  if (folder === undefined || own === undefined) return undefined;
  const above = tightest.above(record.version, folder);
  return above !== undefined && (own === 'max' || above < own) ? above : undefined;
}

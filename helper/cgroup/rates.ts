import { readlinkSync } from 'node:fs';
import * as path from 'node:path';
import type { DeviceUse } from '../protocol/index.js';
import type { IoCounts } from './counters.js';

/** Counters at a moment: what is used per second is the difference of two. */
export interface Mark {
  /** performance.now(), milliseconds. */
  at: number;
  cpuNanoseconds?: number;
  io?: ReadonlyMap<string, IoCounts>;
}

/** Counters as they are now. */
export function markOf(cpuNanoseconds: number | undefined, io: Mark['io']): Mark {
  return {
    at: performance.now(),
    ...(cpuNanoseconds === undefined ? {} : { cpuNanoseconds }),
    ...(io === undefined ? {} : { io }),
  };
}

/** Cores in use between two samples. Never negative: a sum over processes shrinks when one ends that nobody waited for. */
export function coresBetween(before: Mark | undefined, after: Mark): number | undefined {
  if (before?.cpuNanoseconds === undefined || after.cpuNanoseconds === undefined) return undefined;
  const elapsed = (after.at - before.at) * 1e6;
  return elapsed <= 0 ? undefined : Math.max(0, after.cpuNanoseconds - before.cpuNanoseconds) / elapsed;
}

const nothing: IoCounts = { readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 };

/** Use of each device per second between two samples. A device that had no counters before began from none. */
export function devicesBetween(before: Mark | undefined, after: Mark): DeviceUse[] | undefined {
  if (before?.io === undefined || after.io === undefined || after.at <= before.at) return undefined;
  const seconds = (after.at - before.at) / 1000;
  const earlier = before.io;
  return [...after.io].map(([device, counts]) => {
    const old = earlier.get(device) ?? nothing;
    const rate = (key: keyof IoCounts): number => Math.max(0, counts[key] - old[key]) / seconds;
    return {
      device,
      readBytes: rate('readBytes'),
      writtenBytes: rate('writtenBytes'),
      reads: rate('reads'),
      writes: rate('writes'),
    };
  });
}

const names = new Map<string, string | undefined>();

/** The name of a block device in /dev, by `MAJOR:MINOR`; undefined when it is gone. Source: sysfs(5), /sys/dev/block. */
export function deviceName(device: string, folder = '/sys/dev/block'): string | undefined {
  const known = names.get(device);
  if (known !== undefined) return known;
  try {
    const name = path.basename(readlinkSync(path.join(folder, device)));
    names.set(device, name);
    return name;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

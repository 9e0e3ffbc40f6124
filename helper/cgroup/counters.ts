import { existsSync } from 'node:fs';
import * as path from 'node:path';
import type { LimitNumber, Pressure, PressureLine } from '../protocol/index.js';
import { CounterFile } from './counterFile.js';
import { parseKeyed } from './file.js';
import { type CgroupRecord, controllerFile } from './record.js';
import { parseCpuMax, parseLimit, quotaToCores } from './units.js';

/** What one device has done for a cgroup since that was made. */
export interface IoCounts {
  readBytes: number;
  writtenBytes: number;
  reads: number;
  writes: number;
}

/** All that is counted of CPU time, in microseconds. */
export interface CpuCounts {
  usageMicroseconds: number;
  periods?: number;
  throttledPeriods?: number;
  throttledMicroseconds?: number;
}

/**
 * The counters of one cgroup, of v1 and v2 in the same words and units. What no controller counts here is undefined.
 * Sources: cgroup-v2.rst; Documentation/admin-guide/cgroup-v1, memory.rst, cpuacct.rst, blkio-controller.rst, pids.rst.
 */
export class CgroupCounters {
  private readonly files = new Map<string, CounterFile>();
  private readonly v2: boolean;

  constructor(readonly record: CgroupRecord) {
    this.v2 = record.version === 2;
  }

  close(): void {
    for (const file of this.files.values()) file.close();
    this.files.clear();
  }

  /** None of its folders is there any more. */
  isGone(): boolean {
    return !Object.values(this.record.paths).some((folder) => existsSync(folder));
  }

  memoryBytes(): number | undefined {
    return this.number('memory', this.v2 ? 'memory.current' : 'memory.usage_in_bytes');
  }

  memoryMax(): LimitNumber | undefined {
    return this.limit('memory', this.v2 ? 'memory.max' : 'memory.limit_in_bytes');
  }

  memoryPeak(): number | undefined {
    return this.number('memory', this.v2 ? 'memory.peak' : 'memory.max_usage_in_bytes');
  }

  /** v1 counts memory and swap together; the two are read one after the other, so the difference may be a little off. */
  swapBytes(memoryBytes: number): number | undefined {
    if (this.v2) return this.number('memory', 'memory.swap.current');
    const sum = this.number('memory', 'memory.memsw.usage_in_bytes');
    return sum === undefined ? undefined : Math.max(0, sum - memoryBytes);
  }

  oomKills(): number | undefined {
    return parseKeyed(this.text('memory', this.v2 ? 'memory.events' : 'memory.oom_control')).get('oom_kill');
  }

  /** As memory.events has them. Of v1 `max`, how often the limit was in the way (memory.failcnt), and `oom_kill`. */
  memoryEvents(): Record<string, number> {
    if (this.v2) return Object.fromEntries(parseKeyed(this.text('memory', 'memory.events')));
    const max = this.number('memory', 'memory.failcnt');
    const kills = this.oomKills();
    return { ...(max === undefined ? {} : { max }), ...(kills === undefined ? {} : { oom_kill: kills }) };
  }

  /** v2 counts CPU time without the cpu controller too. */
  cpu(): CpuCounts | undefined {
    const stat = parseKeyed(this.text('cpu', 'cpu.stat'));
    const nanoseconds = this.v2 ? undefined : this.number('cpuacct', 'cpuacct.usage');
    const usage = this.v2 ? stat.get('usage_usec') : nanoseconds && nanoseconds / 1000;
    if (usage === undefined) return undefined;
    const periods = stat.get('nr_periods');
    const throttledPeriods = stat.get('nr_throttled');
    const throttled = this.v2 ? stat.get('throttled_usec') : stat.get('throttled_time');
    return {
      usageMicroseconds: usage,
      ...(periods === undefined ? {} : { periods }),
      ...(throttledPeriods === undefined ? {} : { throttledPeriods }),
      ...(throttled === undefined ? {} : { throttledMicroseconds: this.v2 ? throttled : throttled / 1000 }),
    };
  }

  cpuNanoseconds(): number | undefined {
    if (!this.v2) return this.number('cpuacct', 'cpuacct.usage');
    const microseconds = parseKeyed(this.text('cpu', 'cpu.stat')).get('usage_usec');
    return microseconds && microseconds * 1000;
  }

  /** Cores. */
  cpuMax(): LimitNumber | undefined {
    if (this.v2) {
      const text = this.text('cpu', 'cpu.max');
      return text === undefined ? undefined : quotaToCores(parseCpuMax(text));
    }
    const quota = this.limit('cpu', 'cpu.cfs_quota_us');
    const period = quota === undefined || quota === 'max' ? undefined : this.number('cpu', 'cpu.cfs_period_us');
    return period === undefined ? quota : quotaToCores({ quota: quota ?? 'max', period });
  }

  pids(): number | undefined {
    return this.number('pids', 'pids.current');
  }

  pidsMax(): LimitNumber | undefined {
    return this.limit('pids', 'pids.max');
  }

  /** Since Linux 6.11. */
  pidsPeak(): number | undefined {
    return this.number('pids', 'pids.peak');
  }

  pidsRefused(): number | undefined {
    return parseKeyed(this.text('pids', 'pids.events')).get('max');
  }

  /** By device, `MAJOR:MINOR`. */
  io(): Map<string, IoCounts> | undefined {
    if (this.v2) {
      const text = this.text('io', 'io.stat');
      return text === undefined ? undefined : parseIoStat(text);
    }
    const bytes = this.text('blkio', 'blkio.throttle.io_service_bytes_recursive');
    const operations = this.text('blkio', 'blkio.throttle.io_serviced_recursive');
    return bytes === undefined || operations === undefined ? undefined : parseBlkio(bytes, operations);
  }

  /** v1 has no pressure of a group; that of the machine is another thing, and is not shown in its place. */
  pressure(): Partial<Record<'cpu' | 'memory' | 'io', Pressure>> | undefined {
    if (!this.v2) return undefined;
    const found = (['cpu', 'memory', 'io'] as const).flatMap((resource) => {
      const pressure = parsePressure(this.text(resource, `${resource}.pressure`));
      return pressure === undefined ? [] : [[resource, pressure] as const];
    });
    return found.length === 0 ? undefined : Object.fromEntries(found);
  }

  private text(controller: string, name: string): string | undefined {
    let file = this.files.get(name);
    if (file === undefined) {
      const found = controllerFile(this.record, controller, name);
      if (found === undefined) return undefined;
      file = new CounterFile(found);
      this.files.set(name, file);
    }
    return file.read();
  }

  private number(controller: string, name: string): number | undefined {
    const text = this.text(controller, name);
    return text === undefined ? undefined : Number(text);
  }

  private limit(controller: string, name: string): LimitNumber | undefined {
    const text = this.text(controller, name);
    return text === undefined ? undefined : parseLimit(text);
  }
}

/** io.stat: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6` on each line. Pure. */
export function parseIoStat(text: string): Map<string, IoCounts> {
  const devices = new Map<string, IoCounts>();
  for (const line of text.split('\n')) {
    const [device = '', ...pairs] = line.split(' ');
    const values = new Map(pairs.map((pair) => [pair.split('=', 1)[0], Number(pair.slice(pair.indexOf('=') + 1))]));
    // A device without counters has a line of its number alone.
    if (!values.has('rbytes')) continue;
    devices.set(device, {
      readBytes: values.get('rbytes') ?? 0,
      writtenBytes: values.get('wbytes') ?? 0,
      reads: values.get('rios') ?? 0,
      writes: values.get('wios') ?? 0,
    });
  }
  return devices;
}

/** blkio.throttle.io_service_bytes and io_serviced of v1: `8:0 Read 4096` on each line, and a total in the end. Pure. */
export function parseBlkio(bytes: string, operations: string): Map<string, IoCounts> {
  const devices = new Map<string, IoCounts>();
  const add = (text: string, read: keyof IoCounts, write: keyof IoCounts): void => {
    for (const line of text.split('\n')) {
      const [device = '', kind, value] = line.split(' ');
      if (value === undefined || (kind !== 'Read' && kind !== 'Write')) continue;
      const counts = devices.get(device) ?? { readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 };
      counts[kind === 'Read' ? read : write] = Number(value);
      devices.set(device, counts);
    }
  };
  add(bytes, 'readBytes', 'writtenBytes');
  add(operations, 'reads', 'writes');
  return devices;
}

/** A pressure file: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and so for `full`. Pure. */
export function parsePressure(text: string | undefined): Pressure | undefined {
  const line = (kind: 'some' | 'full'): PressureLine | undefined => {
    const found = new RegExp(`^${kind} avg10=(\\S+) avg60=(\\S+) avg300=(\\S+) total=(\\d+)`, 'm').exec(text ?? '');
    if (found === null) return undefined;
    const [avg10 = 0, avg60 = 0, avg300 = 0, total = 0] = found.slice(1).map(Number);
    return { avg10, avg60, avg300, total };
  };
  const some = line('some');
  const full = line('full');
  return some === undefined ? undefined : { some, ...(full === undefined ? {} : { full }) };
}

/** The tightest memory limits above cgroups. Many share their ancestors: in one round each of those is read once. */
export class TightestMemory {
  private files = new Map<string, CounterFile>();
  private known = new Map<string, number | undefined>();

  /** Begins a round; what the last one did not ask for is let go. */
  begin(): void {
    for (const [folder, file] of this.files) {
      if (this.known.has(folder)) continue;
      file.close();
      this.files.delete(folder);
    }
    this.known = new Map();
  }

  close(): void {
    this.known.clear();
    this.begin();
  }

  /** Bytes; undefined where none is limited. The walk ends where there is no such file: above the mount point, and at v2's root. */
  above(version: 1 | 2, folder: string): number | undefined {
    const parent = path.dirname(folder);
    if (parent === folder) return undefined;
    if (this.known.has(parent)) return this.known.get(parent);
    let file = this.files.get(parent);
    if (file === undefined) {
      file = new CounterFile(path.join(parent, version === 2 ? 'memory.max' : 'memory.limit_in_bytes'));
      this.files.set(parent, file);
    }
    const text = file.read();
    const own = text === undefined ? undefined : parseLimit(text);
    const further = text === undefined ? undefined : this.above(version, parent);
    const tightest = own === undefined || own === 'max' ? further : Math.min(own, further ?? own);
    this.known.set(parent, tightest);
    return tightest;
  }
}

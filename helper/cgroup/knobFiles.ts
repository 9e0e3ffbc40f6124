import { type KnobName, knobOf } from '../protocol/index.js';
import { defaultPeriod, parseLimit, sharesToWeight, weightToShares } from './units.js';
import {
  formatIoMax,
  formatIoWeight,
  heldIoMax,
  type IoKey,
  type IoMax,
  ioKeys,
  ioMaxLine,
  notLimited,
  numberText,
  parseIoMax,
  parseIoWeight,
} from './values.js';

/** One write(2), to a file of a group by its name alone. */
export interface FileWrite {
  file: string;
  data: string;
}

/** How a knob is kept in the files of one version of cgroups. Decoding and encoding are pure. */
export interface KnobFiles {
  /** As in `CgroupRecord.paths` of v1. */
  controller: string;
  /** Names in the group's folder; without the first there is no such knob. */
  files: readonly string[];
  /** Other files that decide on the meaning of these, relative to the folder: read, never written. */
  context?: readonly string[];
  /** From the contents of `files`, then of `context`, to the text of the knob's kind. A missing file is empty. */
  decode(contents: readonly string[]): string;
  /**
   * The writes for a checked value. `before`: contents as above; absent for a new group, where everything is at its default.
   */
  encode(value: string, before?: readonly string[]): FileWrite[];
}

/**
 * Whether a file of cgroup v2 may hold a limit, by its name: a plain one, for a slash would reach another group; of a
 * controller, for cgroup.procs and its like move and end processes; and no trigger of pressure, order, count, or mark that a
 * write resets. Source: cgroup-v2.rst, "Conventions".
 */
export function isLimitFile(file: string): boolean {
  if (!/^[a-z0-9_]+(\.[a-zA-Z0-9_]+)+$/.test(file)) return false;
  if (file.startsWith('cgroup.')) return file.startsWith('cgroup.max.');
  return !/\.(pressure|peak|stat|events|current|reclaim)$/.test(file);
}

/** The ways in which a knob may be kept: the first whose files are there counts. Empty: this version has no such knob. */
export function knobFiles(version: 1 | 2, name: string): readonly KnobFiles[] {
  const knob = knobOf(name);
  if (!isLimitFile(name) || (knob.only !== undefined && knob.only !== version)) return [];
  if (version === 1) return v1Files(name);
  if (name === 'io.weight')
    return [ioWeightFile('io', ['io.weight']), ioWeightFile('io', ['io.bfq.weight'], bfqWeight)];
  if (name === 'io.max') return [ioMaxFile];
  return [knob.kind === 'text' ? linesFile(knob.controller, name) : plainFile(knob.controller, name)];
}

/** Names of knobs that are kept in a file of v1 which is not in `v1Names`: huge pages, whose sizes depend on the machine. */
export function knobOfV1File(file: string): string | undefined {
  const size = /^hugetlb\.(\w+?)\.(rsvd\.)?limit_in_bytes$/.exec(file);
  if (size !== null) return `hugetlb.${size[1]}.${size[2] ?? ''}max`;
  // The later controllers are the same in both versions.
  return file === 'misc.max' || file === 'rdma.max' ? file : undefined;
}

function plainFile(controller: string, file: string): KnobFiles {
  return {
    controller,
    files: [file],
    decode: ([text = '']) => text,
    // An empty write(2) never reaches the file: a list is cleared by an empty line.
    encode: (value) => [{ file, data: value === '' ? '\n' : value }],
  };
}

// ---- lines, each of which is written by itself --------------------------------------------------------------------

/** misc.max, rdma.max and files of later kernels: one key on each line, and one line in each write. */
function linesFile(controller: string, file: string): KnobFiles {
  const byKey = (text: string): Map<string, string> =>
    new Map(
      text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => [line.trim().split(/\s+/, 1)[0] ?? line, line.trim()]),
    );
  return {
    controller,
    files: [file],
    decode: ([text = '']) => text,
    encode: (value, before = []) => {
      const [old, wanted] = [byKey(before[0] ?? ''), byKey(value)];
      const isKeyed = [...old.values(), ...wanted.values()].every((line) => line.includes(' '));
      if (!isKeyed) return value === before[0] ? [] : [{ file, data: value === '' ? clearing(file) : value }];
      const changed = [...wanted].filter(([key, line]) => old.get(key) !== line).map(([, line]) => line);
      const dropped = [...old].filter(([key]) => !wanted.has(key)).map(([, line]) => unlimitedLine(line));
      return [...changed, ...dropped.filter((line) => ![...old.values()].includes(line))].map((data) => ({
        file,
        data,
      }));
    },
  };
}

/** What takes a limit away, by its name alone: cgroup-v2.rst, "Conventions". */
function clearing(file: string): string {
  if (/\.(max|high)$/.test(file)) return 'max';
  return /\.(min|low)$/.test(file) ? '0' : '\n';
}

/** A line of a flat or a nested keyed file with every value at `max`: cgroup-v2.rst, "Format". */
function unlimitedLine(line: string): string {
  const [key = '', ...values] = line.split(/\s+/);
  return [key, ...values.map((value) => (value.includes('=') ? `${value.split('=', 1)[0]}=max` : 'max'))].join(' ');
}

const ioMaxFile: KnobFiles = {
  controller: 'io',
  files: ['io.max'],
  decode: ([text = '']) => text,
  encode: (value, before = []) =>
    changedDevices(heldIoMax(before[0] ?? ''), parseIoMax('io.max', value)).map(([device, limit]) => ({
      file: 'io.max',
      data: ioMaxLine(device, limit),
    })),
};

function changedDevices(before: IoMax, after: IoMax): [string, Record<IoKey, number>][] {
  const changed: [string, Record<IoKey, number>][] = [];
  for (const device of new Set([...before.keys(), ...after.keys()])) {
    const [old, wanted] = [before.get(device) ?? notLimited, after.get(device) ?? notLimited];
    if (ioKeys.some((key) => old[key] !== wanted[key])) changed.push([device, wanted]);
  }
  return changed;
}

interface WeightScale {
  to(weight: number): number;
  from(weight: number): number;
}

/**
 * Weights of the scheduler BFQ go from 1 to 1000, with the same default of 100: below it they are the same, above it the
 * ranges are stretched onto each other, as systemd does it.
 */
const bfqWeight: WeightScale = {
  to: (weight) => (weight <= 100 ? weight : 100 + Math.round((weight - 100) / 11)),
  from: (weight) => (weight <= 100 ? weight : 100 + (weight - 100) * 11),
};

const sameWeight: WeightScale = { to: (weight) => weight, from: (weight) => weight };

/** `files`: one for all as in v2, or one for the group and one for devices as in v1. */
function ioWeightFile(controller: string, files: readonly [string, ...string[]], scale = sameWeight): KnobFiles {
  const knob = knobOf('io.weight');
  const [file, deviceFile = file] = files;
  const read = (contents: readonly string[]) => parseIoWeight(knob, contents.join('\n'));
  return {
    controller,
    files,
    decode: (contents) => {
      const { group, devices } = read(contents);
      return formatIoWeight({
        group: scale.from(group),
        devices: new Map([...devices].map(([device, weight]) => [device, scale.from(weight)])),
      });
    },
    encode: (value, before) => {
      const old = read(before ?? []);
      const wanted = parseIoWeight(knob, value);
      const writes: FileWrite[] = [];
      if (before === undefined || old.group !== scale.to(wanted.group)) {
        const data = deviceFile === file ? `default ${scale.to(wanted.group)}` : String(scale.to(wanted.group));
        writes.push({ file, data });
      }
      for (const [device, weight] of wanted.devices) {
        if (old.devices.get(device) === scale.to(weight)) continue;
        writes.push({ file: deviceFile, data: `${device} ${scale.to(weight)}` });
      }
      for (const device of old.devices.keys()) {
        if (!wanted.devices.has(device)) writes.push({ file: deviceFile, data: `${device} default` });
      }
      return writes;
    },
  };
}

// ---- cgroup v1 ----------------------------------------------------------------------------------------------------

/** A file of v1 that holds a number, -1 for none, and shows one near 2^63 for none. `none`: what that is in v2's text. */
function v1Number(controller: string, file: string, none = 'max'): KnobFiles {
  return {
    controller,
    files: [file],
    decode: ([text = '']) => {
      const limit = parseLimit(text);
      return limit === 'max' ? none : String(limit);
    },
    encode: (value) => [{ file, data: value === 'max' || value === none ? '-1' : value }],
  };
}

/**
 * v1's cpuset has no "as the group above": a group that processes are in must name its CPUs. To clear one is to write what
 * the group above has. Source: cgroup-v1/cpusets.rst, "How do I use cpusets?".
 */
function v1Cpuset(file: string): KnobFiles {
  return {
    controller: 'cpuset',
    files: [file],
    context: [`../${file}`],
    decode: ([text = '']) => text,
    encode: (value, before) => [{ file, data: value !== '' ? value : before?.[1] || '\n' }],
  };
}

const memoryFile = 'memory.limit_in_bytes';
const swapFile = 'memory.memsw.limit_in_bytes';

/** v1 limits the sum of memory and swap; `context` is memory alone. `encode` wants the value of the sum: see `changes.ts`. */
const v1Swap: KnobFiles = {
  controller: 'memory',
  files: [swapFile],
  context: [memoryFile],
  decode: ([text = '', memoryText = 'max']) => {
    const [sum, memory] = [parseLimit(text), parseLimit(memoryText)];
    return String(sum === 'max' || memory === 'max' ? sum : Math.max(0, sum - memory));
  },
  encode: (value) => [{ file: swapFile, data: value === 'max' ? '-1' : value }],
};

const quotaFile = 'cpu.cfs_quota_us';
const periodFile = 'cpu.cfs_period_us';

const v1CpuMax: KnobFiles = {
  controller: 'cpu',
  files: [quotaFile, periodFile],
  decode: ([quota = '-1', period = '']) => `${parseLimit(quota)} ${period || defaultPeriod}`,
  encode: (value, before) => {
    const [quota = 'max', period = ''] = value.split(' ');
    const write = { file: quotaFile, data: quota === 'max' ? '-1' : quota };
    if (before === undefined) return [{ file: periodFile, data: period }, write];
    if (before[1] === period) return [write];
    // Quota and period are two files: with the old one of either the share could be tighter than before and after, or more
    // than the group above has (EINVAL). Without a quota it is that of the group above.
    const lifted = before[0] === '-1' ? [] : [{ file: quotaFile, data: '-1' }];
    const settled = quota === 'max' ? [] : [write];
    return [...lifted, { file: periodFile, data: period }, ...settled];
  },
};

const v1CpuWeight: KnobFiles = {
  controller: 'cpu',
  files: ['cpu.shares'],
  decode: ([text = '']) => String(sharesToWeight(Number(text))),
  encode: (value) => [{ file: 'cpu.shares', data: String(weightToShares(Number(value))) }],
};

const throttleFiles: Record<IoKey, string> = {
  rbps: 'blkio.throttle.read_bps_device',
  wbps: 'blkio.throttle.write_bps_device',
  riops: 'blkio.throttle.read_iops_device',
  wiops: 'blkio.throttle.write_iops_device',
};

/** Four files, each with lines of `MAJOR:MINOR NUMBER`; 0 takes a limit away. Source: cgroup-v1/blkio-controller.rst. */
const v1IoMax: KnobFiles = {
  controller: 'blkio',
  files: ioKeys.map((key) => throttleFiles[key]),
  decode: (contents) => formatIoMax(v1Throttles(contents)),
  encode: (value, before = []) =>
    changedDevices(v1Throttles(before), parseIoMax('io.max', value)).flatMap(([device, wanted]) => {
      const old = v1Throttles(before).get(device) ?? notLimited;
      return ioKeys
        .filter((key) => old[key] !== wanted[key])
        .map((key) => ({
          file: throttleFiles[key],
          data: `${device} ${wanted[key] === Infinity ? 0 : numberText(wanted[key])}`,
        }));
    }),
};

function v1Throttles(contents: readonly string[]): IoMax {
  const limits: IoMax = new Map();
  for (const [index, key] of ioKeys.entries()) {
    for (const line of (contents[index] ?? '').split('\n').filter((each) => each !== '')) {
      const [device = '', value] = line.split(' ');
      const limit = limits.get(device) ?? { ...notLimited };
      limit[key] = Number(value);
      limits.set(device, limit);
    }
  }
  return limits;
}

/** `blkio.weight` went with the scheduler CFQ, before the kernels that containers of ours run on. */
const v1Names: Readonly<Partial<Record<KnobName, KnobFiles>>> = {
  'memory.max': v1Number('memory', memoryFile),
  'memory.swap.max': v1Swap,
  // A group without a soft limit is not spared, nor is one without memory.low.
  'memory.low': v1Number('memory', 'memory.soft_limit_in_bytes', '0'),
  'memory.swappiness': plainFile('memory', 'memory.swappiness'),
  'memory.kmem.limit_in_bytes': v1Number('memory', 'memory.kmem.limit_in_bytes'),
  'cpu.max': v1CpuMax,
  'cpu.max.burst': plainFile('cpu', 'cpu.cfs_burst_us'),
  'cpu.weight': v1CpuWeight,
  'cpu.idle': plainFile('cpu', 'cpu.idle'),
  'cpuset.cpus': v1Cpuset('cpuset.cpus'),
  'cpuset.mems': v1Cpuset('cpuset.mems'),
  'pids.max': plainFile('pids', 'pids.max'),
  'io.max': v1IoMax,
  'io.weight': ioWeightFile('blkio', ['blkio.bfq.weight', 'blkio.bfq.weight_device'], bfqWeight),
};

function v1Files(name: string): readonly KnobFiles[] {
  const known = v1Names[name as KnobName];
  if (known !== undefined) return [known];
  const size = /^hugetlb\.(\w+)\.(rsvd\.)?max$/.exec(name);
  if (size !== null) return [v1Number('hugetlb', `hugetlb.${size[1]}.${size[2] ?? ''}limit_in_bytes`)];
  return knobOfV1File(name) === name ? [linesFile(knobOf(name).controller, name)] : [];
}

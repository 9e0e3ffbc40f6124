import { ErrorCode, type Knob, terrariumError } from '../protocol/index.js';
import { defaultPeriod, minimumQuota } from './units.js';

/** Bytes. Less holds no process at all: its page tables and stack in the kernel alone come near to it. */
const minimumMemory = 512 * 1024;
/** Microseconds. Source: kernel/sched/core.c, max_cfs_quota_period. */
const maximumPeriod = 1_000_000;
/** More CPUs or memory nodes than any kernel is built for: keeps a list such as 0-4294967295 from being spelt out. */
const highestIndex = 65_535;

/** The limits of one device in io.max, in the kernel's order. */
export const ioKeys = ['rbps', 'wbps', 'riops', 'wiops'] as const;
export type IoKey = (typeof ioKeys)[number];
/** By device, `MAJOR:MINOR`; Infinity for no limit. */
export type IoMax = Map<string, Record<IoKey, number>>;

/** io.weight: of the group, and of single devices. */
export interface IoWeight {
  group: number;
  devices: Map<string, number>;
}

/**
 * The text of a knob's kind, checked and in the one form that is compared and kept: the kernel's own. `period` is that of
 * the cpu.max in force, for a quota without one.
 * Throws `Invalid`, saying what would be right, for what no kernel takes or no process could live with.
 */
export function checkValue(knob: Knob, text: string, period: number = defaultPeriod): string {
  const value = text.trim();
  switch (knob.kind) {
    case 'bytes':
    case 'count':
    case 'seconds':
      return checkNumber(knob, value);
    case 'number':
    case 'microseconds':
    case 'flag':
      return checkWhole(knob, value);
    case 'cpuMax':
      return checkCpuMax(knob, value, period);
    case 'list':
      return formatList(parseList(knob.name, value));
    case 'ioMax':
      return formatIoMax(parseIoMax(knob.name, value));
    case 'ioWeight':
      return formatIoWeight(parseIoWeight(knob, value));
    case 'text':
      if (value.includes('\0')) throw invalid(knob.name, value, 'It is text, without NUL characters.');
      return value;
  }
}

function checkNumber(knob: Knob, value: string): string {
  if (value === 'max') return value;
  const number = parseWhole(knob.kind === 'bytes' ? withoutSuffix(value) : value);
  const what = knob.kind === 'bytes' ? 'a whole number of bytes' : 'a whole number';
  if (number === undefined) throw invalid(knob.name, value, `It is ${what}, or max.`);
  if (knob.name === 'memory.max' && number < minimumMemory) {
    throw invalid(knob.name, value, `Nothing can run in less than ${minimumMemory / 1024} KiB.`);
  }
  checkRange(knob, number, `It is ${what}`, ', or max');
  return String(number);
}

function checkWhole(knob: Knob, value: string): string {
  const { least = 0, most } = knob.kind === 'flag' ? { least: 0, most: 1 } : knob;
  const number = parseWhole(value);
  const range = most === undefined ? `from ${least} on` : `from ${least} to ${most}`;
  const fix = knob.kind === 'flag' ? 'It is 0 or 1.' : `It is a whole number ${range}; ${knob.cleared} is the default.`;
  if (number === undefined || number < least || (most !== undefined && number > most)) {
    throw invalid(knob.name, value, fix);
  }
  return String(number);
}

function checkRange(knob: Knob, number: number, what: string, else_: string): void {
  const { least, most } = knob;
  if (least !== undefined && number < least)
    throw invalid(knob.name, String(number), `${what} of at least ${least}${else_}.`);
  if (most !== undefined && number > most)
    throw invalid(knob.name, String(number), `${what} of at most ${most}${else_}.`);
}

function checkCpuMax(knob: Knob, value: string, inForce: number): string {
  const [quota = '', given = String(inForce), ...rest] = value.split(/\s+/);
  const period = parseWhole(given);
  if (rest.length > 0 || period === undefined || period < minimumQuota || period > maximumPeriod) {
    const fix = `It is QUOTA PERIOD in microseconds, the period from ${minimumQuota} to ${maximumPeriod}, the quota maybe max.`;
    throw invalid(knob.name, value, fix);
  }
  if (quota === 'max') return `max ${period}`;
  const microseconds = parseWhole(quota);
  if (microseconds === undefined || microseconds < minimumQuota) {
    const least = minimumQuota / period;
    const fix = `The kernel takes a quota of ${minimumQuota} microseconds (here ${least} cores, ${least * 100} % of one) and more, or max.`;
    throw invalid(knob.name, value, fix);
  }
  return `${microseconds} ${period}`;
}

function parseWhole(text: string): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

/** The suffixes that memparse() of the kernel takes: binary, one letter. */
function withoutSuffix(text: string): string {
  const match = /^(\d+)([kmgtpe])$/i.exec(text);
  if (match === null) return text;
  const [, digits = '', letter = ''] = match;
  return String(Number(digits) * 1024 ** ('kmgtpe'.indexOf(letter.toLowerCase()) + 1));
}

function invalid(name: string, value: string, fix: string): Error {
  const shown = /^[\w.:-]+$/.test(value) ? value : JSON.stringify(value);
  return terrariumError(ErrorCode.Invalid, `${shown} is no value for ${name}`, { fix });
}

/** The indexes of a list such as `0-2,5`, ascending. Source: cpuset(7), "List format". Throws `Invalid`. */
export function parseList(name: string, text: string): number[] {
  const indexes = new Set<number>();
  const refuse = () => invalid(name, text, 'It is a list of numbers and ranges such as 0-2,5, or empty.');
  for (const part of text === '' ? [] : text.split(',')) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
    if (match === null) throw refuse();
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (first > last || last > highestIndex) throw refuse();
    for (let index = first; index <= last; index++) indexes.add(index);
  }
  return [...indexes].sort((a, b) => a - b);
}

/** The kernel's form: ascending, neighbours as a range. */
export function formatList(indexes: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const index of indexes) {
    const range = ranges.at(-1);
    if (range !== undefined && range.last + 1 === index) range.last = index;
    else ranges.push({ first: index, last: index });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

const devicePattern = /^\d+:\d+$/;

/** What the kernel shows of io.max. Keys that a later kernel adds are passed over: they are not ours to compare. */
export function heldIoMax(text: string): IoMax {
  const limits: IoMax = new Map();
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [device = '', ...settings] = line.trim().split(' ');
    const limit = { ...notLimited };
    for (const setting of settings) {
      const [key, value] = setting.split('=');
      const known = ioKeys.find((each) => each === key);
      if (known !== undefined && value !== 'max') limit[known] = Number(value);
    }
    limits.set(device, limit);
  }
  return limits;
}

/** Of one device. */
export const notLimited: Readonly<Record<IoKey, number>> = {
  rbps: Infinity,
  wbps: Infinity,
  riops: Infinity,
  wiops: Infinity,
};

/** Lines of `MAJOR:MINOR KEY=VALUE…`, as io.max takes them. Throws `Invalid`. */
export function parseIoMax(name: string, text: string): IoMax {
  const limits: IoMax = new Map();
  const fix = `Each line is MAJOR:MINOR and ${ioKeys.join('=… ')}=…, each above 0 or max; what is left out is not limited.`;
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [device = '', ...settings] = line.trim().split(/\s+/);
    if (!devicePattern.test(device)) throw invalid(name, line, fix);
    const limit = { ...notLimited };
    for (const setting of settings) {
      const [key = '', value = ''] = setting.split('=');
      const known = ioKeys.find((each) => each === key);
      const number = value === 'max' ? Infinity : parseWhole(value);
      if (known === undefined || number === undefined || number === 0) throw invalid(name, line, fix);
      limit[known] = number;
    }
    limits.set(device, limit);
  }
  return limits;
}

/** One line as the kernel shows it: all four keys. */
export function ioMaxLine(device: string, limit: Record<IoKey, number>): string {
  return `${device} ${ioKeys.map((key) => `${key}=${numberText(limit[key])}`).join(' ')}`;
}

/** Devices without any limit are left out, as the kernel leaves them out. */
export function formatIoMax(limits: IoMax): string {
  return [...limits]
    .filter(([, limit]) => ioKeys.some((key) => limit[key] !== Infinity))
    .sort(([a], [b]) => byDevice(a, b))
    .map(([device, limit]) => ioMaxLine(device, limit))
    .join('\n');
}

/** `default WEIGHT` and lines of `MAJOR:MINOR WEIGHT`; without the former the default one. Throws `Invalid`. */
export function parseIoWeight(knob: Knob, text: string): IoWeight {
  const { least = 1, most = 10_000 } = knob;
  const weight: IoWeight = { group: 100, devices: new Map() };
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const words = line.trim().split(/\s+/);
    const [who, value] = words.length === 1 ? ['default', words[0]] : words;
    const number = parseWhole(value ?? '');
    const known = who === 'default' || devicePattern.test(who ?? '');
    if (!known || words.length > 2 || number === undefined || number < least || number > most) {
      const fix = `It is "default WEIGHT" and lines of MAJOR:MINOR WEIGHT; a weight is a whole number from ${least} to ${most}.`;
      throw invalid(knob.name, line, fix);
    }
    if (who === 'default' || who === undefined) weight.group = number;
    else weight.devices.set(who, number);
  }
  return weight;
}

/** The kernel's form. */
export function formatIoWeight({ group, devices }: IoWeight): string {
  const lines = [...devices].sort(([a], [b]) => byDevice(a, b)).map(([device, weight]) => `${device} ${weight}`);
  return [`default ${group}`, ...lines].join('\n');
}

function byDevice(a: string, b: string): number {
  const [[major = 0, minor = 0], [otherMajor = 0, otherMinor = 0]] = [a, b].map((each) =>
    each.split(':').map(Number),
  ) as [number[], number[]];
  return major - otherMajor || minor - otherMinor;
}

/** A number as cgroup v2 has it. */
export function numberText(value: number): string {
  return value === Infinity ? 'max' : String(value);
}

/**
 * How much a value allows, to be compared with others of the same knob: bytes, a count, cores, the number of CPUs. Undefined
 * where more and less mean nothing: weights, texts, and io.max, which has four of them for each device.
 */
export function allowance(knob: Knob, value: string): number | undefined {
  switch (knob.kind) {
    case 'bytes':
    case 'count':
    case 'seconds':
      return value === 'max' ? Infinity : Number(value);
    case 'microseconds':
      return Number(value);
    case 'cpuMax': {
      const [quota = 'max', period = defaultPeriod] = value.split(' ');
      return quota === 'max' ? Infinity : Number(quota) / Number(period);
    }
    case 'list':
      return value === '' ? Infinity : parseList(knob.name, value).length;
    case 'flag':
      // cpu.idle takes CPU away; killed together or one by one is neither more nor less.
      return knob.name === 'cpu.idle' ? 1 - Number(value) : undefined;
    default:
      return undefined;
  }
}

/**
 * The words of people for the values of knobs, and back: `100 MB`, `50 %`, `0.25 cores`, `20ms`, `0-2,5`, `max`. Of the
 * form and of the command line alike. What is written is always shown exactly, so that nobody has to guess.
 */
import { formatIoMax, ioMaxText, ioWeightText, parseIoMax, parseIoWeight } from './ioNotation.js';
import type { Knob } from './knobs.js';
import {
  accept,
  bytesOf,
  exactBytes,
  exactTime,
  formatBytes,
  formatTime,
  type Measure,
  microsecondsOf,
  type Parsed,
  parseMeasure,
  refuse,
} from './quantities.js';

export { exactBytes, formatBytes, formatTime, limitBytes } from './quantities.js';

/** The text that the kernel reads, or one sentence that says what is wrong. */
export type ParsedValue = Parsed<string>;

/** Microseconds: the kernel's default period of cpu.max. */
const defaultPeriod = 100_000;
/** Microseconds; the kernel refuses a smaller quota or period. Source: kernel/sched/core.c, min_cfs_quota_period. */
const leastQuota = 1000;
/** Microseconds; max_cfs_quota_period. */
const longestPeriod = 1_000_000;
/** Beyond this a number is a slip of the hand: the kernel's own NR_CPUS ends here. */
const mostCores = 8192;

/**
 * Reads what was typed for a knob.
 * @returns the kernel's text for it, as `LimitChange.value` wants it
 */
export function parseValue(knob: Knob, text: string): ParsedValue {
  const input = text.trim();
  if (knob.kind === 'text') return accept(input);
  if (/^(default|none)$/i.test(input)) return accept(knob.cleared);
  const takesNothing = knob.kind === 'list' || knob.kind === 'ioMax';
  if (input === '' && !takesNothing) return refuse(describeEmpty(knob));
  if (/^(max|unlimited|no limit)$/i.test(input)) return parseMax(knob);
  switch (knob.kind) {
    case 'bytes':
      return parseBytes(knob, input);
    case 'count':
    case 'number':
      return parseCount(knob, input);
    case 'flag':
      return parseFlag(input);
    case 'cpuMax':
      return parseCpuMax(knob, input);
    case 'microseconds':
      return mapped(time(knob, input, 1), String);
    case 'seconds':
      return parseSeconds(knob, input);
    case 'list':
      return parseList(input);
    case 'ioMax':
      return mapped(parseIoMax(input), ioMaxText);
    case 'ioWeight':
      return mapped(parseIoWeight(input), ioWeightText);
  }
}

/** The shortest text for people that `parseValue` reads back as exactly this value. A value of no such kind as it is. */
export function formatValue(knob: Knob, value: string): string {
  const number = Number(value);
  const isNumber = /^\d+$/.test(value) && Number.isSafeInteger(number);
  switch (knob.kind) {
    case 'bytes':
      return isNumber ? exactBytes(number) : value;
    case 'microseconds':
      return isNumber ? exactTime(number) : value;
    case 'seconds':
      return isNumber && Number.isSafeInteger(number * 1_000_000) ? exactTime(number * 1_000_000) : value;
    case 'flag':
      return value === '1' ? 'on' : value === '0' ? 'off' : value;
    case 'cpuMax':
      return formatCpuMax(value);
    case 'ioMax': {
      const parsed = parseIoMax(value);
      return parsed.ok ? formatIoMax(parsed.value) : value;
    }
    case 'ioWeight': {
      const parsed = parseIoWeight(value);
      return parsed.ok
        ? ioWeightText(parsed.value)
            .replace(/^default /, '')
            .replaceAll('\n', '; ')
        : value;
    }
    default:
      return value;
  }
}

/** What is in use of what the knob limits, rounded for reading. */
export function formatUsage(knob: Knob, usage: number): string {
  switch (knob.kind) {
    case 'bytes':
      return formatBytes(usage);
    case 'cpuMax':
      return `${Math.round(usage * 1000) / 10} % of a core`;
    case 'microseconds':
      return formatTime(usage);
    case 'seconds':
      return formatTime(usage * 1_000_000);
    case 'ioMax':
      return `${formatBytes(usage)}/s`;
    case 'count': {
      const one = countedBy(knob);
      return one === undefined ? String(usage) : `${usage} ${usage === 1 ? one[0] : one[1]}`;
    }
    default:
      return String(usage);
  }
}

/**
 * The value as a number that can be compared with others of the same knob and with its usage: bytes, cores, a count,
 * seconds. Infinity for `max`; undefined where there is no order: lists, devices, text.
 */
export function numberOf(knob: Knob, value: string): number | undefined {
  switch (knob.kind) {
    case 'bytes':
    case 'count':
    case 'number':
    case 'flag':
    case 'microseconds':
    case 'seconds':
      return value === 'max' ? Number.POSITIVE_INFINITY : /^\d+$/.test(value) ? Number(value) : undefined;
    case 'cpuMax': {
      const parts = cpuMaxOf(value);
      return parts && (parts.quota === 'max' ? Number.POSITIVE_INFINITY : parts.quota / parts.period);
    }
    default:
      return undefined;
  }
}

/** Examples of what can be typed for a knob, for placeholders and messages. */
export function examplesOf(knob: Knob): string {
  switch (knob.kind) {
    case 'bytes':
      return knob.cleared === 'max' ? '100 MB, 1.5 GiB, max' : '0, 100 MB, 1.5 GiB';
    case 'count':
      return '20, max';
    case 'number':
      return knob.least === undefined ? knob.cleared : `${knob.cleared}, ${knob.least} to ${knob.most ?? 'any'}`;
    case 'flag':
      return 'on, off';
    case 'cpuMax':
      return '50 %, 0.25 cores, max';
    case 'microseconds':
      return '0, 20 ms';
    case 'seconds':
      return '90 s, 5 min, max';
    case 'list':
      return '0-2,5';
    case 'ioMax':
      return '8:0 rbps=10 MB/s wiops=100';
    case 'ioWeight':
      return '100; 8:0 200';
    case 'text':
      return knob.cleared;
  }
}

function describeEmpty(knob: Knob): string {
  switch (knob.kind) {
    case 'number':
      return `Enter a number from ${knob.least ?? 0} to ${knob.most ?? 'any'}.`;
    case 'flag':
      return 'Enter on or off.';
    case 'microseconds':
    case 'ioWeight':
      return `Enter a value. Examples: ${examplesOf(knob)}.`;
    default:
      return 'Enter a value, or max for no limit.';
  }
}

function parseMax(knob: Knob): ParsedValue {
  switch (knob.kind) {
    case 'number':
    case 'ioWeight':
      return refuse(
        `A weight or share has no maximum to clear to: the default is ${knob.cleared.replace('default ', '')}.`,
      );
    case 'flag':
      return refuse('This is on or off.');
    case 'microseconds':
      return refuse(`There is no maximum to clear to: the default is ${formatValue(knob, knob.cleared)}.`);
    case 'cpuMax':
    case 'list':
    case 'ioMax':
      return accept(knob.cleared);
    default:
      return accept('max');
  }
}

function parseBytes(knob: Knob, input: string): ParsedValue {
  const measure = parseMeasure(input, examplesOf(knob));
  if (!measure.ok) return measure;
  const bytes = bytesOf(measure.value);
  if (!bytes.ok) return bytes;
  if (knob.least !== undefined && bytes.value < knob.least) {
    return refuse(`Below ${knob.least} bytes nothing can run. Did a unit get lost?`);
  }
  return accept(String(bytes.value));
}

/** Words that people put behind a count, singular first. */
function countedBy(knob: Knob): readonly [string, string] | undefined {
  if (knob.name === 'pids.max' || knob.name === 'RLIMIT_NPROC') return ['process', 'processes'];
  return knob.name === 'RLIMIT_NOFILE' ? ['file', 'files'] : undefined;
}

function parseCount(knob: Knob, input: string): ParsedValue {
  const measure = parseMeasure(input, examplesOf(knob));
  if (!measure.ok) return measure;
  const { digits, unit } = measure.value;
  const least = knob.least ?? 0;
  const most = knob.most ?? Number.MAX_SAFE_INTEGER;
  const number = Number(digits);
  const words: readonly string[] = countedBy(knob) ?? [];
  const fits = Number.isInteger(number) && number >= least && number <= most;
  if (fits && (unit === '' || words.includes(unit.toLowerCase()))) return accept(String(number));
  return refuse(
    knob.most === undefined
      ? `${knob.title} is a whole number, at least ${least}.`
      : `${knob.title} is a whole number from ${least} to ${most}.`,
  );
}

function parseFlag(input: string): ParsedValue {
  if (/^(1|on|yes|true)$/i.test(input)) return accept('1');
  if (/^(0|off|no|false)$/i.test(input)) return accept('0');
  return refuse('Enter on or off.');
}

/** @param bare  microseconds that a number without a unit means */
function time(knob: Knob, input: string, bare: number): Parsed<number> {
  const measure = parseMeasure(input, examplesOf(knob));
  return measure.ok ? microsecondsOf(measure.value, bare) : measure;
}

function parseSeconds(knob: Knob, input: string): ParsedValue {
  const parsed = time(knob, input, 1_000_000);
  if (!parsed.ok) return parsed;
  const seconds = Math.floor(parsed.value / 1_000_000);
  return seconds < (knob.least ?? 0) ? refuse(`At least ${knob.least} s.`) : accept(String(seconds));
}

/** `50 %`, `0.5 cores`, either with `per 20ms`; or quota and period as the kernel has them. */
function parseCpuMax(knob: Knob, input: string): ParsedValue {
  const verbatim = cpuMaxOf(input);
  if (verbatim !== undefined) return checkedQuota(verbatim.quota, verbatim.period);
  const [, share = '', , written] = /^(.*?)(\s+per\s+(.*))?$/i.exec(input) ?? [];
  let period = defaultPeriod;
  if (written !== undefined) {
    const parsed = time(knob, written, 1);
    if (!parsed.ok) return parsed;
    period = parsed.value;
  }
  if (/^max$/i.test(share)) return checkedQuota('max', period);
  const measure = parseMeasure(share, examplesOf(knob));
  if (!measure.ok) return measure;
  const cores = coresOf(measure.value);
  return cores.ok ? checkedQuota(Math.round(cores.value * period), period) : cores;
}

function coresOf({ digits, unit }: Measure): Parsed<number> {
  const lower = unit.toLowerCase();
  if (!['', 'core', 'cores', 'cpu', 'cpus', '%'].includes(lower)) {
    return refuse(`Unknown unit “${unit}”. Use cores or %, where 100 % is one core.`);
  }
  const cores = lower === '%' ? Number(digits) / 100 : Number(digits);
  return cores > mostCores ? refuse('That is more than any machine has. Use max for no limit.') : accept(cores);
}

function checkedQuota(quota: number | 'max', period: number): ParsedValue {
  if (period < leastQuota || period > longestPeriod) return refuse('The period is from 1 ms to 1 s.');
  if (quota !== 'max' && quota < leastQuota) {
    return refuse(
      `The kernel takes no less than 1 ms of CPU per period: ${(leastQuota / period) * 100} % of a core at ${exactTime(period)}.`,
    );
  }
  return accept(`${quota} ${period}`);
}

/** The two numbers of cpu.max; undefined when they are not. */
function cpuMaxOf(value: string): { quota: number | 'max'; period: number } | undefined {
  const [, quota, period] = /^(\d+|max)\s+(\d+)$/.exec(value.trim()) ?? [];
  if (quota === undefined || Number(period) === 0) return undefined;
  return { quota: quota === 'max' ? 'max' : Number(quota), period: Number(period) };
}

function formatCpuMax(value: string): string {
  const parts = cpuMaxOf(value);
  if (parts === undefined) return value;
  const { quota, period } = parts;
  const per = period === defaultPeriod ? '' : ` per ${exactTime(period)}`;
  if (quota === 'max') return `max${per}`;
  const cores = Number((quota / period).toFixed(5));
  // A quota that five digits do not give back stays as the kernel has it.
  if (Math.round(cores * period) !== quota) return `${quota} ${period}`;
  return `${cores} ${cores === 1 ? 'core' : 'cores'}${per}`;
}

/** Numbers and ranges, in the kernel's form: no spaces. Whether there are such CPUs or nodes the kernel says. */
function parseList(input: string): ParsedValue {
  const parts = input
    .replace(/\s*-\s*/g, '-')
    .split(/[\s,]+/)
    .filter((part) => part !== '');
  for (const part of parts) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (first === undefined) return refuse(`“${part}” is not a number or a range. Example: 0-2,5.`);
    if (Number(first) > Number(last)) return refuse(`The range ${part} ends before it begins.`);
  }
  return accept(parts.join(','));
}

const mapped = <T>(parsed: Parsed<T>, text: (value: T) => string): ParsedValue =>
  parsed.ok ? accept(text(parsed.value)) : parsed;

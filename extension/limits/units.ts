import type { LimitName, LimitValue } from '../../helper/protocol/limits.js';

/**
 * Limits as people write them, and back. `M` alone is binary, as for the kernel (memparse) and systemd; `MB` is decimal
 * and `MiB` binary, as the SI and IEC have it. The form shows the exact number, so that nobody has to guess.
 */
const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  byte: 1,
  bytes: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  tb: 1000 ** 4,
};

/** Units in which sizes are shown: binary ones first, so that they win where both are equally short. */
const shownUnits: readonly (readonly [string, number])[] = [
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
  ['TB', 1000 ** 4],
  ['GB', 1000 ** 3],
  ['MB', 1000 ** 2],
  ['kB', 1000],
];

/** What a container cannot live below. The kernel counts memory in pages. */
const page = 4096;
/** PID_MAX_LIMIT of a 64-bit kernel: pids.max refuses more with EINVAL. */
const mostPids = 4194304;
/** The period that quotas are written for, in microseconds: the kernel's default. */
export const cpuPeriod = 100_000;
/** The kernel refuses a quota below one millisecond with EINVAL. */
const leastQuota = 1000;
/** max_cfs_runtime of the kernel is far higher; beyond this a number is a slip of the hand. */
const mostCores = 8192;

export type ParsedLimit = { ok: true; value: LimitValue } | { ok: false; message: string };

const refuse = (message: string): ParsedLimit => ({ ok: false, message });
const accept = (value: LimitValue): ParsedLimit => ({ ok: true, value });

/**
 * Reads what was typed for a limit: `100 MB`, `1.5 GiB`, `50 %`, `0.25 cores`, `20`, `max`.
 * Gives bytes, cores, a weight or a count; or one sentence that says what is wrong with it.
 */
export function parseLimit(name: LimitName, text: string): ParsedLimit {
  const input = text.trim();
  if (input === '') {
    return refuse(name === 'cpu.weight' ? 'Enter a weight from 1 to 10000.' : 'Enter a value, or max for no limit.');
  }
  if (/^(max|unlimited|none|no limit)$/i.test(input)) {
    return name === 'cpu.weight' ? refuse('A weight has no maximum to clear to: the default is 100.') : accept('max');
  }
  if (/^[-−]/.test(input)) return refuse('A limit cannot be negative.');
  if (/\d,\d/.test(input)) return refuse('Write decimals with a point, and leave out thousands separators.');
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*([a-z%]*)$/i.exec(input);
  if (match === null) return refuse(`That is not a number with a unit. Examples: ${examples[name]}.`);
  const [, digits = '', unit = ''] = match;
  const number = Number(digits);
  if (!Number.isFinite(number)) return refuse('That number is too large.');
  switch (name) {
    case 'memory.max':
    case 'memory.swap.max':
      return parseBytes(name, digits, unit);
    case 'cpu.max':
      return parseCores(number, unit);
    case 'cpu.weight':
      return parseCount(number, unit, [], 1, 10_000, 'A weight is a whole number from 1 to 10000.');
    case 'pids.max':
      return parseCount(
        number,
        unit,
        ['pid', 'pids', 'process', 'processes'],
        1,
        mostPids,
        `The number of processes is a whole number from 1 to ${mostPids}.`,
      );
  }
}

/** Examples of what can be typed for each limit, for placeholders and messages. */
export const examples: Readonly<Record<LimitName, string>> = {
  'memory.max': '100 MB, 1.5 GiB, max',
  'memory.swap.max': '0, 512 MiB, max',
  'cpu.max': '50 %, 0.25 cores, max',
  'cpu.weight': '100, 1 to 10000',
  'pids.max': '20, max',
};

function parseBytes(name: LimitName, digits: string, unit: string): ParsedLimit {
  const factor = Object.hasOwn(byteUnits, unit.toLowerCase()) ? byteUnits[unit.toLowerCase()] : undefined;
  if (factor === undefined) return refuse(`Unknown unit “${unit}”. Use B, kB, MB, GB, TB or KiB, MiB, GiB, TiB.`);
  if (factor === 1 && digits.includes('.')) return refuse('There is no fraction of a byte.');
  const bytes = multiplyDecimal(digits, factor);
  if (!Number.isSafeInteger(bytes)) return refuse('That is more memory than any machine has. Use max for no limit.');
  if (name === 'memory.max' && bytes < page) {
    return refuse(`Below one page (${page} bytes) nothing can run. Did a unit get lost?`);
  }
  return accept(bytes);
}

/** Whole bytes of a decimal number of units, rounded down. In integers: 1.001 TiB as a double would be off by bytes. */
function multiplyDecimal(digits: string, factor: number): number {
  const [whole = '', fraction = ''] = digits.split('.');
  return Number((BigInt(whole + fraction) * BigInt(factor)) / 10n ** BigInt(fraction.length));
}

function parseCores(number: number, unit: string): ParsedLimit {
  const lower = unit.toLowerCase();
  if (!['', 'core', 'cores', 'cpu', 'cpus', '%'].includes(lower)) {
    return refuse(`Unknown unit “${unit}”. Use cores or %, where 100 % is one core.`);
  }
  const cores = lower === '%' ? number / 100 : number;
  if (cores > mostCores) return refuse('That is more than any machine has. Use max for no limit.');
  const quota = Math.round(cores * cpuPeriod);
  if (quota < leastQuota) return refuse('The kernel takes no less than 1 % of a core (0.01 cores).');
  return accept(quota / cpuPeriod);
}

function parseCount(
  number: number,
  unit: string,
  units: string[],
  least: number,
  most: number,
  message: string,
): ParsedLimit {
  if (unit !== '' && !units.includes(unit.toLowerCase())) return refuse(message);
  return Number.isInteger(number) && number >= least && number <= most ? accept(number) : refuse(message);
}

/** The shortest text that means exactly this value: `parseLimit` gives it back. */
export function formatLimit(name: LimitName, value: LimitValue): string {
  if (value === 'max') return 'max';
  switch (name) {
    case 'memory.max':
    case 'memory.swap.max':
      return formatExactBytes(value);
    case 'cpu.max':
      return `${Number(value.toFixed(5))} ${value === 1 ? 'core' : 'cores'}`;
    case 'cpu.weight':
    case 'pids.max':
      return String(value);
  }
}

function formatExactBytes(bytes: number): string {
  let best = `${bytes} B`;
  for (const [unit, factor] of shownUnits) {
    const number = Number((bytes / factor).toFixed(3));
    const text = `${number} ${unit}`;
    if (number >= 1 && text.length < best.length && multiplyDecimal(String(number), factor) === bytes) best = text;
  }
  return best;
}

/** A size to read, rounded to three figures: `12.3 MiB`. For showing only. */
export function formatBytes(bytes: number): string {
  for (const [unit, factor] of shownUnits.slice(0, 4)) {
    if (bytes >= factor) {
      const number = bytes / factor;
      return `${number >= 100 ? Math.round(number) : Number(number.toPrecision(3))} ${unit}`;
    }
  }
  return `${Math.round(bytes)} B`;
}

/** Usage of what a limit limits, rounded for reading. */
export function formatUsage(name: LimitName, usage: number): string {
  switch (name) {
    case 'memory.max':
    case 'memory.swap.max':
      return formatBytes(usage);
    case 'cpu.max':
      return `${Math.round(usage * 1000) / 10} % of a core`;
    case 'pids.max':
      return `${usage} ${usage === 1 ? 'process' : 'processes'}`;
    case 'cpu.weight':
      return String(usage);
  }
}

/**
 * What is written into the cgroup v2 file of this name: bytes and counts as they are, quota and period for `cpu.max`.
 * @param period microseconds; the helper keeps the one that is there
 */
export function kernelText(name: LimitName, value: LimitValue, period: number = cpuPeriod): string {
  if (name !== 'cpu.max') return String(value);
  return `${value === 'max' ? 'max' : Math.round(value * period)} ${period}`;
}

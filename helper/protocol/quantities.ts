/**
 * Sizes and times as people write them, and back. `M` alone is binary, as for the kernel (memparse) and systemd; `MB` is
 * decimal and `MiB` binary, as the SI and IEC have it.
 */

/** What was read, or one sentence that says what is wrong with it. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; message: string };

export const refuse = (message: string): { ok: false; message: string } => ({ ok: false, message });
export const accept = <T>(value: T): { ok: true; value: T } => ({ ok: true, value });

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
const shownByteUnits: readonly (readonly [string, number])[] = [
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
  ['TB', 1000 ** 4],
  ['GB', 1000 ** 3],
  ['MB', 1000 ** 2],
  ['kB', 1000],
];

/** In microseconds. */
const timeUnits: Readonly<Record<string, number>> = {
  us: 1,
  µs: 1,
  μs: 1,
  usec: 1,
  microseconds: 1,
  ms: 1000,
  msec: 1000,
  milliseconds: 1000,
  s: 1_000_000,
  sec: 1_000_000,
  second: 1_000_000,
  seconds: 1_000_000,
  min: 60_000_000,
  minute: 60_000_000,
  minutes: 60_000_000,
  h: 3_600_000_000,
  hour: 3_600_000_000,
  hours: 3_600_000_000,
};
const shownTimeUnits: readonly (readonly [string, number])[] = [
  ['h', 3_600_000_000],
  ['min', 60_000_000],
  ['s', 1_000_000],
  ['ms', 1000],
];

export interface Measure {
  /** Decimal digits with at most one point. */
  digits: string;
  /** As it was written; empty for none. */
  unit: string;
}

/**
 * Takes a number with a unit apart.
 * @param examples  of what would be right, for the message
 */
export function parseMeasure(text: string, examples: string): Parsed<Measure> {
  const input = text.trim();
  if (/^[-−]/.test(input)) return refuse('A limit cannot be negative.');
  if (/\d,\d/.test(input)) return refuse('Write decimals with a point, and leave out thousands separators.');
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*([a-zµμ%]*)$/i.exec(input);
  if (match === null) return refuse(`That is not a number with a unit. Examples: ${examples}.`);
  const [, digits = '', unit = ''] = match;
  return Number.isFinite(Number(digits)) ? accept({ digits, unit }) : refuse('That number is too large.');
}

/** Whole bytes of a size, rounded down. */
export function bytesOf({ digits, unit }: Measure): Parsed<number> {
  const factor = lookUp(byteUnits, unit);
  if (factor === undefined) return refuse(`Unknown unit “${unit}”. Use B, kB, MB, GB, TB or KiB, MiB, GiB, TiB.`);
  if (factor === 1 && digits.includes('.')) return refuse('There is no fraction of a byte.');
  const bytes = multiplyDecimal(digits, factor);
  if (!Number.isSafeInteger(bytes)) return refuse('That is more than any machine has. Use max for no limit.');
  return accept(bytes);
}

/**
 * Whole microseconds of a time, rounded down.
 * @param bare  the unit, in microseconds, of a number that has none
 */
export function microsecondsOf({ digits, unit }: Measure, bare: number): Parsed<number> {
  const factor = unit === '' ? bare : lookUp(timeUnits, unit);
  if (factor === undefined) return refuse(`Unknown unit “${unit}”. Use us, ms, s, min or h.`);
  const time = multiplyDecimal(digits, factor);
  return Number.isSafeInteger(time) ? accept(time) : refuse('That is too long.');
}

const lookUp = (units: Readonly<Record<string, number>>, unit: string): number | undefined =>
  Object.hasOwn(units, unit.toLowerCase()) ? units[unit.toLowerCase()] : undefined;

/** Rounded down to a whole number. In integers: 1.001 TiB as a double would be off by bytes. */
function multiplyDecimal(digits: string, factor: number): number {
  const [whole = '', fraction = ''] = digits.split('.');
  return Number((BigInt(whole + fraction) * BigInt(factor)) / 10n ** BigInt(fraction.length));
}

/** The shortest text that means exactly so many bytes. */
export function exactBytes(bytes: number): string {
  return bytes === 0 ? '0' : shortest(bytes, shownByteUnits, 'B');
}

const pageSize = 4096;

/**
 * A limit of memory as people write it. The kernel rounds down to whole pages: what was asked for may be a little more, and
 * is taken to be the round number, if there is one within the page.
 */
export function limitBytes(bytes: number): string {
  const rounder = [6, 5].map((zeros) => Math.ceil(bytes / 10 ** zeros) * 10 ** zeros);
  return [bytes, ...rounder.filter((candidate) => candidate < bytes + pageSize)]
    .map(exactBytes)
    .reduce((best, text) => (text.length < best.length ? text : best));
}

/** The shortest text that means exactly so many microseconds. */
export function exactTime(microseconds: number): string {
  return microseconds === 0 ? '0' : shortest(microseconds, shownTimeUnits, 'us');
}

function shortest(amount: number, units: readonly (readonly [string, number])[], base: string): string {
  let best = `${amount} ${base}`;
  for (const [unit, factor] of units) {
    const number = Number((amount / factor).toFixed(3));
    const text = `${number} ${unit}`;
    if (number >= 1 && text.length < best.length && multiplyDecimal(String(number), factor) === amount) best = text;
  }
  return best;
}

/** A size to read, rounded to three figures: `12.3 MiB`. For showing only. */
export function formatBytes(bytes: number): string {
  for (const [unit, factor] of shownByteUnits.slice(0, 4)) {
    if (bytes >= factor) return `${threeFigures(bytes / factor)} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}

/** A time to read, rounded to three figures: `1.23 s`. For showing only. */
export function formatTime(microseconds: number): string {
  for (const [unit, factor] of shownTimeUnits) {
    if (microseconds >= factor) return `${threeFigures(microseconds / factor)} ${unit}`;
  }
  return microseconds < 0.5 ? '0 s' : `${Math.round(microseconds)} us`;
}

const threeFigures = (number: number): number => (number >= 100 ? Math.round(number) : Number(number.toPrecision(3)));

import { accept, bytesOf, exactBytes, type Parsed, parseMeasure, refuse } from './quantities.js';

/** What io.max can limit of a device, in the kernel's order: bytes and operations per second. */
export const ioMaxKeys = ['rbps', 'wbps', 'riops', 'wiops'] as const;
export type IoMaxKey = (typeof ioMaxKeys)[number];

/** The limits of one device; what is absent is not limited. */
export interface IoMaxLine {
  /** `MAJOR:MINOR`. */
  device: string;
  limits: Partial<Record<IoMaxKey, number>>;
}

export interface IoWeights {
  /** Of all devices that have none of their own. */
  default: number;
  devices: { device: string; weight: number }[];
}

const number = /^\d+:\d+$/;
const unlimited = /^(max|unlimited|none|no limit)$/i;

/** A rate as people write it: `10 MB/s`, `100`, `max`. Gives bytes or operations per second, `undefined` for no limit. */
export function parseRate(key: IoMaxKey, text: string): Parsed<number | undefined> {
  const input = text.trim().replace(/\s*\/\s*s(ec(ond)?)?$/i, '');
  if (input === '' || unlimited.test(input)) return accept(undefined);
  const bytes = key.endsWith('bps');
  const measure = parseMeasure(input, bytes ? '10 MB/s, 1.5 MiB/s, max' : '100, max');
  if (!measure.ok) return measure;
  if (bytes) {
    const parsed = bytesOf(measure.value);
    return parsed.ok && parsed.value === 0 ? refuse('The kernel takes no rate of 0. Use max for no limit.') : parsed;
  }
  const { digits, unit } = measure.value;
  if (unit !== '' && !/^(iops|ops?|operations?)$/i.test(unit)) {
    return refuse(`Unknown unit “${unit}”. Operations per second are a plain number.`);
  }
  const count = Number(digits);
  return Number.isInteger(count) && count >= 1 && count <= 0xffff_ffff
    ? accept(count)
    : refuse('Operations per second are a whole number from 1 to 4294967295.');
}

/** The shortest text that means exactly this rate. */
export const formatRate = (key: IoMaxKey, rate: number): string =>
  key.endsWith('bps') ? `${exactBytes(rate)}/s` : String(rate);

/** Devices and rates of people's text: lines, or parts with semicolons between them. */
export function parseIoMax(text: string): Parsed<IoMaxLine[]> {
  const lines: IoMaxLine[] = [];
  for (const part of partsOf(text)) {
    const [, device = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(part) ?? [];
    if (!number.test(device)) return refuse(`“${device}” is not the number of a device. Example: 8:0 rbps=10 MB/s.`);
    if (lines.some((line) => line.device === device)) return refuse(`The device ${device} is there twice.`);
    const limits: IoMaxLine['limits'] = {};
    if (!unlimited.test(rest)) {
      // Values may hold spaces (`10 MB/s`): each reaches to the next key.
      const pairs = [...rest.matchAll(/(\w+)\s*=\s*(.*?)(?=\s+\w+\s*=|$)/g)];
      if (pairs.length === 0 || !/^\w+\s*=/.test(rest)) {
        return refuse(`Say what of ${device} is limited. Example: ${device} rbps=10 MB/s wiops=100.`);
      }
      for (const [, key = '', value = ''] of pairs) {
        const known = ioMaxKeys.find((one) => one === key);
        if (known === undefined) return refuse(`“${key}” cannot be limited. Use ${ioMaxKeys.join(', ')}.`);
        const rate = parseRate(known, value);
        if (!rate.ok) return refuse(`${key} of ${device}: ${rate.message}`);
        if (rate.value !== undefined) limits[known] = rate.value;
      }
    }
    lines.push({ device, limits });
  }
  return accept(lines);
}

/** The lines as the kernel prints them: every key, devices in order; those without any limit are left out. */
export function ioMaxText(lines: readonly IoMaxLine[]): string {
  return lines
    .filter(({ limits }) => Object.keys(limits).length > 0)
    .toSorted((a, b) => byDevice(a.device, b.device))
    .map(({ device, limits }) => `${device} ${ioMaxKeys.map((key) => `${key}=${limits[key] ?? 'max'}`).join(' ')}`)
    .join('\n');
}

/** For reading, on one line, and read back as the same; empty for no limit. */
export function formatIoMax(lines: readonly IoMaxLine[]): string {
  return lines
    .map(({ device, limits }) =>
      [
        device,
        ...ioMaxKeys.flatMap((key) => {
          const rate = limits[key];
          return rate === undefined ? [] : [`${key}=${formatRate(key, rate)}`];
        }),
      ].join(' '),
    )
    .join('; ');
}

/** A weight for all devices (`200`, `default 200`), and such for single ones (`8:0 300`). */
export function parseIoWeight(text: string): Parsed<IoWeights> {
  const weights: IoWeights = { default: 100, devices: [] };
  for (const part of partsOf(text)) {
    const [match, device = 'default', written = ''] = /^(?:(\S+)\s+)?(\S+)$/.exec(part) ?? [];
    if (match === undefined || (device !== 'default' && !number.test(device))) {
      return refuse('Write a weight for all devices, or for one. Examples: 200; 8:0 300.');
    }
    const weight = written === 'default' ? 100 : Number(written);
    if (!/^(\d+|default)$/.test(written) || weight < 1 || weight > 10_000) {
      return refuse('A weight is a whole number from 1 to 10000.');
    }
    if (device === 'default') weights.default = weight;
    else if (weights.devices.some((one) => one.device === device))
      return refuse(`The device ${device} is there twice.`);
    // A device whose weight is `default` has none of its own.
    else if (written !== 'default') weights.devices.push({ device, weight });
  }
  return accept(weights);
}

/** The lines as the kernel prints them. */
export const ioWeightText = (weights: IoWeights): string =>
  [
    `default ${weights.default}`,
    ...weights.devices
      .toSorted((a, b) => byDevice(a.device, b.device))
      .map(({ device, weight }) => `${device} ${weight}`),
  ].join('\n');

const partsOf = (text: string): string[] =>
  text
    .split(/[\n;]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');

const byDevice = (a: string, b: string): number => {
  const [majorA = 0, minorA = 0] = a.split(':').map(Number);
  const [majorB = 0, minorB = 0] = b.split(':').map(Number);
  return majorA - majorB || minorA - minorB;
};

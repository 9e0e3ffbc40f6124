import { badInput } from '../failure.js';

/**
 * The records of a pax extended header (POSIX.1-2017, pax, "pax Extended Header"): `LENGTH KEY=VALUE\n`, where the
 * length counts the whole record. Values stay bytes: names need not be UTF-8, and extended attributes are binary.
 * Read by length, since a value may hold newlines that look like further records.
 * @throws TerrariumError BadInput when a record contradicts its length.
 */
export function parsePaxRecords(bytes: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  let at = 0;
  while (at < bytes.length) {
    // Some writers fill up with NUL.
    if (bytes[at] === 0) {
      break;
    }
    const space = bytes.indexOf(0x20, at);
    const digits = space === -1 ? '' : bytes.toString('latin1', at, space);
    const length = /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
    const equals = bytes.indexOf(0x3d, space);
    const end = at + length;
    if (length === 0 || end > bytes.length || bytes[end - 1] !== 0x0a || equals === -1 || equals >= end) {
      throw badInput('The archive is damaged: a record of an extended header has a wrong length', {
        cause: `Record at byte ${at} of the header.`,
      });
    }
    records.set(bytes.toString('utf8', space + 1, equals), bytes.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/**
 * A time in decimal seconds, possibly with a fraction or negative, in nanoseconds since the epoch.
 * @throws TerrariumError BadInput
 */
export function parsePaxTime(text: string): bigint {
  const match = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text);
  if (!match) {
    throw badInput(`The archive is damaged: ${JSON.stringify(text)} is not a time`);
  }
  const [, sign, seconds = '0', fraction = ''] = match;
  const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -nanoseconds : nanoseconds;
}

/**
 * A size or an id: decimal digits only. A negative or fractional one would let this reader and others disagree about
 * where the next entry begins.
 * @throws TerrariumError BadInput
 */
export function parsePaxNumber(key: string, text: string): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) {
    throw badInput(`The archive is damaged: ${JSON.stringify(text)} is not a valid ${key}`);
  }
  return number;
}

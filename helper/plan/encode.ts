import { ErrorCode, terrariumError } from '../protocol/index.js';
import { type FieldType, type Plan, type Step, stepShapes, type Tolerance } from './step.js';

/** 'TPLN', read as a little-endian u32. */
export const planMagic = 0x4e4c5054;
export const planVersion = 1;
/** The stage reads no more than this: see docs/stage.md, "A request". */
export const planLimit = 1024 * 1024;

const headerBytes = 12;
const toleranceCodes: Readonly<Record<Tolerance, number>> = { missing: 1, any: 2 };
const u32Max = 0xffff_ffff;
const u64Max = 0xffff_ffff_ffff_ffffn;

/**
 * A plan in the form the stage decodes (docs/stage.md, "A request").
 *
 * Throws `Invalid`, naming the step and the field, for a value that the form cannot hold: a number out of range, a
 * string with a NUL or half a surrogate pair, a plan above 1 MiB.
 */
export function encodePlan(plan: Plan): Uint8Array {
  if (plan.length > 0xffff) throw invalid(`A plan holds at most 65535 steps, this one ${plan.length}`);
  const parts: Buffer[] = [Buffer.alloc(headerBytes)];
  for (const step of plan) parts.push(...encodeStep(step));
  const whole = Buffer.concat(parts);
  if (whole.length > planLimit) {
    throw invalid(`The plan takes ${whole.length} bytes, the stage reads at most ${planLimit}`);
  }
  whole.writeUInt32LE(planMagic, 0);
  whole.writeUInt16LE(planVersion, 4);
  whole.writeUInt16LE(plan.length, 6);
  whole.writeUInt32LE(whole.length, 8);
  return whole;
}

function encodeStep(step: Step): [header: Buffer, payload: Buffer] {
  const shape = stepShapes[step.kind];
  const values: Readonly<Record<string, unknown>> = { ...step };
  const payload = Buffer.concat(
    Object.entries(shape.fields).map(([name, type]) => encodeField(type, values[name], `${step.kind}.${name}`)),
  );
  const header = Buffer.alloc(8);
  header.writeUInt16LE(shape.code, 0);
  header.writeUInt16LE(step.tolerate === undefined ? 0 : toleranceCodes[step.tolerate], 2);
  header.writeUInt32LE(payload.length, 4);
  return [header, payload];
}

function encodeField(type: FieldType, value: unknown, name: string): Buffer {
  switch (type) {
    case 'u32': {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > u32Max) {
        throw invalid(`${name} is ${String(value)}, not an integer from 0 to ${u32Max}`);
      }
      return u32(value);
    }
    case 'u64': {
      if (typeof value !== 'bigint' || value < 0n || value > u64Max) {
        throw invalid(`${name} is ${String(value)}, not a bigint from 0 to ${u64Max}`);
      }
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(value);
      return bytes;
    }
    case 'string':
      return encodeString(value, name);
    case 'strings': {
      if (!Array.isArray(value)) throw invalid(`${name} is not a list of strings`);
      return Buffer.concat([u32(value.length), ...value.map((item, i) => encodeString(item, `${name}[${i}]`))]);
    }
    case 'bytes': {
      if (!(value instanceof Uint8Array)) throw invalid(`${name} is not a Uint8Array`);
      return Buffer.concat([u32(value.length), value]);
    }
  }
}

function encodeString(value: unknown, name: string): Buffer {
  if (typeof value !== 'string') throw invalid(`${name} is not a string`);
  // The kernel would read only what precedes a NUL: `/safe\0/../x` must not become another path on the way.
  if (value.includes('\0')) throw invalid(`${name} holds a NUL character`);
  // Encoding would put U+FFFD in its place and so name another file.
  if (/\p{Surrogate}/u.test(value)) throw invalid(`${name} holds half a surrogate pair`);
  const text = Buffer.from(value, 'utf8');
  return Buffer.concat([u32(text.length), text, Buffer.alloc(1)]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function invalid(message: string): Error {
  return terrariumError(ErrorCode.Invalid, message);
}

import { ErrorCode, terrariumError } from '../protocol/index.js';
import { type FieldType, type Plan, type Step, stepShapes, type Tolerance } from './step.js';

/** 'TPLN', read as a little-endian u32. */
export const planMagic = 0x4e4c5054;
export const planVersion = 1;
/** The stage reads no more than this: see docs/stage.md, "A request". */
export const planLimit = 1024 * 1024;

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
  const writer = new PlanWriter();
  writer.u32(planMagic);
  writer.u16(planVersion);
  writer.u16(plan.length);
  const size = writer.skip(4);
  for (const step of plan) writeStep(writer, step);
  const whole = writer.written();
  if (whole.length > planLimit) {
    throw invalid(`The plan takes ${whole.length} bytes, the stage reads at most ${planLimit}`);
  }
  writer.fill(size, whole.length);
  return whole;
}

/** Bytes one after another in one growing buffer: a start waits for it, and a buffer for each field takes ten times as long. */
class PlanWriter {
  private buffer = Buffer.allocUnsafe(8 * 1024);
  private end = 0;

  /** Leaves room to be filled in later. Answers where it is. */
  skip(bytes: number): number {
    const at = this.end;
    if (at + bytes > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.buffer.length, at + bytes));
      this.buffer.copy(larger, 0, 0, at);
      this.buffer = larger;
    }
    this.end = at + bytes;
    return at;
  }

  u16(value: number): void {
    const at = this.skip(2);
    this.buffer.writeUInt16LE(value, at);
  }

  u32(value: number): void {
    const at = this.skip(4);
    this.buffer.writeUInt32LE(value, at);
  }

  u64(value: bigint): void {
    const at = this.skip(8);
    this.buffer.writeBigUInt64LE(value, at);
  }

  bytes(value: Uint8Array): void {
    this.u32(value.length);
    const at = this.skip(value.length);
    this.buffer.set(value, at);
  }

  string(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.u32(bytes);
    const at = this.skip(bytes + 1);
    this.buffer.write(value, at);
    this.buffer[at + bytes] = 0;
  }

  /** Puts a number into a place that was left for it. */
  fill(at: number, value: number): void {
    this.buffer.writeUInt32LE(value, at);
  }

  written(): Buffer {
    return this.buffer.subarray(0, this.end);
  }
}

/** Fields by the kind of step, in order, as they go over the wire. */
const fieldsOf = new Map(Object.entries(stepShapes).map(([kind, { fields }]) => [kind, Object.entries(fields)]));

function writeStep(writer: PlanWriter, step: Step): void {
  const values: Readonly<Record<string, unknown>> = { ...step };
  writer.u16(stepShapes[step.kind].code);
  writer.u16(step.tolerate === undefined ? 0 : toleranceCodes[step.tolerate]);
  const size = writer.skip(4);
  for (const [name, type] of fieldsOf.get(step.kind) ?? []) {
    writeField(writer, type, values[name], () => `${step.kind}.${name}`);
  }
  writer.fill(size, writer.written().length - size - 4);
}

function writeField(writer: PlanWriter, type: FieldType, value: unknown, name: () => string): void {
  switch (type) {
    case 'u32':
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > u32Max) {
        throw invalid(`${name()} is ${String(value)}, not an integer from 0 to ${u32Max}`);
      }
      writer.u32(value);
      return;
    case 'u64':
      if (typeof value !== 'bigint' || value < 0n || value > u64Max) {
        throw invalid(`${name()} is ${String(value)}, not a bigint from 0 to ${u64Max}`);
      }
      writer.u64(value);
      return;
    case 'string':
      writer.string(checkString(value, name));
      return;
    case 'strings':
      if (!Array.isArray(value)) throw invalid(`${name()} is not a list of strings`);
      writer.u32(value.length);
      for (const [i, item] of value.entries()) writer.string(checkString(item, () => `${name()}[${i}]`));
      return;
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw invalid(`${name()} is not a Uint8Array`);
      writer.bytes(value);
      return;
  }
}

function checkString(value: unknown, name: () => string): string {
  if (typeof value !== 'string') throw invalid(`${name()} is not a string`);
  // The kernel would read only what precedes a NUL: `/safe\0/../x` must not become another path on the way.
  if (value.includes('\0')) throw invalid(`${name()} holds a NUL character`);
  // Encoding would put U+FFFD in its place and so name another file.
  if (/\p{Surrogate}/u.test(value)) throw invalid(`${name()} holds half a surrogate pair`);
  return value;
}

function invalid(message: string): Error {
  return terrariumError(ErrorCode.Invalid, message);
}

import { ErrorCode, terrariumError } from '../protocol/index.js';
import { type FieldType, type Plan, type Step, type StepKind, stepShapes, type Tolerance } from './step.js';

const headerBytes = 12;
const stepHeaderBytes = 8;
const tolerances: readonly (Tolerance | undefined)[] = [undefined, 'missing', 'any'];
const kinds = new Map(Object.entries(stepShapes).map(([kind, shape]) => [shape.code as number, kind as StepKind]));

/** Reads a plan back from its wire form (docs/stage.md), as it is kept for the ledger. Throws `Internal` when it is damaged. */
export function decodePlan(bytes: Uint8Array): Plan {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const plan: Step[] = [];
    let at = headerBytes;
    for (let count = view.readUInt16LE(6); count > 0; count--) {
      const kind = kinds.get(view.readUInt16LE(at));
      const tolerate = tolerances[view.readUInt16LE(at + 2)];
      const size = view.readUInt32LE(at + 4);
      if (kind === undefined) throw new RangeError(`unknown step ${view.readUInt16LE(at)}`);
      const reader = new FieldReader(view.subarray(at + stepHeaderBytes, at + stepHeaderBytes + size));
      const fields = Object.entries(stepShapes[kind].fields).map(([name, type]) => [name, reader.read(type)]);
      plan.push({ kind, ...(tolerate ? { tolerate } : {}), ...Object.fromEntries(fields) } as Step);
      at += stepHeaderBytes + size;
    }
    return plan;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw terrariumError(ErrorCode.Internal, `A plan on disk is damaged: ${error.message}`);
  }
}

class FieldReader {
  private at = 0;
  constructor(private readonly view: Buffer) {}

  read(type: FieldType): unknown {
    switch (type) {
      case 'u32':
        return this.u32();
      case 'u64': {
        this.at += 8;
        return this.view.readBigUInt64LE(this.at - 8);
      }
      case 'string':
        return this.string();
      case 'strings':
        return Array.from({ length: this.u32() }, () => this.string());
      case 'bytes':
        return Uint8Array.from(this.take(this.u32()));
    }
  }

  private u32(): number {
    this.at += 4;
    return this.view.readUInt32LE(this.at - 4);
  }

  private string(): string {
    const text = this.take(this.u32()).toString();
    this.at += 1;
    return text;
  }

  private take(size: number): Buffer {
    if (this.at + size > this.view.length) throw new RangeError('a field is longer than its step');
    this.at += size;
    return this.view.subarray(this.at - size, this.at);
  }
}

/** An interpreter of seccomp filters, written from the kernel's documentation rather than from the compiler. */

export interface SystemCall {
  number: number;
  architecture: number;
  args?: readonly bigint[];
}

export interface Outcome {
  verdict: number;
  /** Instructions that were run. */
  steps: number;
}

const sizeOfInstruction = 8;

/** Runs a filter on one system call. @throws Error for programs that the kernel would refuse. */
export function simulate(filter: Uint8Array, call: SystemCall): Outcome {
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const data = systemCallData(call);
  let accumulator = 0;
  for (let pc = 0, steps = 1; ; pc++, steps++) {
    if (pc < 0 || (pc + 1) * sizeOfInstruction > filter.byteLength) {
      throw new Error(`the filter runs past its end at ${pc}`);
    }
    const at = pc * sizeOfInstruction;
    const code = program.getUint16(at, true);
    const [whenTrue, whenFalse] = [program.getUint8(at + 2), program.getUint8(at + 3)];
    const k = program.getUint32(at + 4, true);
    const branch = (condition: boolean) => {
      pc += condition ? whenTrue : whenFalse;
    };
    switch (code) {
      case 0x20:
        if (k % 4 !== 0 || k + 4 > data.byteLength) {
          throw new Error(`load of ${k}`);
        }
        accumulator = data.getUint32(k, true);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        pc += k;
        break;
      case 0x15:
        branch(accumulator === k);
        break;
      case 0x25:
        branch(accumulator > k);
        break;
      case 0x35:
        branch(accumulator >= k);
        break;
      case 0x45:
        branch((accumulator & k) !== 0);
        break;
      case 0x06:
        return { verdict: k, steps };
      default:
        throw new Error(`instruction ${code.toString(16)} at ${pc}`);
    }
  }
}

/** struct seccomp_data. */
function systemCallData({ number, architecture, args = [] }: SystemCall): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, architecture, true);
  for (const [index, value] of args.entries()) {
    data.setBigUint64(16 + index * 8, BigInt.asUintN(64, value), true);
  }
  return data;
}

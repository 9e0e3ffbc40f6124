/**
 * Classic BPF, put together from its end: every jump goes forward, so what it jumps to is already there when the jump
 * is written, and distances are known. A label is the number of an instruction counted from the end.
 */
export type Label = number;

// linux/bpf_common.h
export const BPF_LD_W_ABS = 0x20;
export const BPF_JA = 0x05;
export const BPF_JEQ_K = 0x15;
export const BPF_JGT_K = 0x25;
export const BPF_JGE_K = 0x35;
export const BPF_JSET_K = 0x45;
export const BPF_AND_K = 0x54;
export const BPF_RET_K = 0x06;

interface Instruction {
  code: number;
  jt: number;
  jf: number;
  k: number;
}

/** Offsets of conditional jumps are bytes. */
const farthest = 255;
const sizeOfInstruction = 8;

export class Assembler {
  /** Last instruction of the program first. */
  readonly #instructions: Instruction[] = [];
  readonly #returns = new Map<number, Label>();

  get length(): number {
    return this.#instructions.length;
  }

  /** Ends the filter with a verdict. One instruction serves all jumps that can reach it. */
  ret(verdict: number): Label {
    const known = this.#returns.get(verdict);
    return known !== undefined && this.#reaches(known) ? known : this.#newReturn(verdict);
  }

  /** Loads the 32-bit word at `offset` of struct seccomp_data and goes on at `next`. */
  load(offset: number, next: Label): Label {
    return this.#then({ code: BPF_LD_W_ABS, jt: 0, jf: 0, k: offset }, next);
  }

  /** Keeps the bits of `mask` in the accumulator and goes on at `next`. */
  and(mask: number, next: Label): Label {
    return this.#then({ code: BPF_AND_K, jt: 0, jf: 0, k: mask }, next);
  }

  /** Compares the accumulator with `k` and goes on at `yes` or `no`. */
  jump(code: number, k: number, yes: Label, no: Label): Label {
    if (yes === no) {
      return yes;
    }
    const [nearYes, nearNo] = [this.#near(yes), this.#near(no)];
    return this.#emit({ code, jt: this.#distance(nearYes), jf: this.#distance(nearNo), k });
  }

  /** `label`, or the instruction after it if that only loads the word which the accumulator holds already. */
  skipLoad(label: Label, offset: number): Label {
    const instruction = this.#instructions[label];
    return instruction?.code === BPF_LD_W_ABS && instruction.k === offset ? label - 1 : label;
  }

  /** struct sock_filter[], little-endian: what seccomp(2) takes. */
  bytes(): Uint8Array {
    const view = new DataView(new ArrayBuffer(this.length * sizeOfInstruction));
    this.#instructions.toReversed().forEach(({ code, jt, jf, k }, index) => {
      const at = index * sizeOfInstruction;
      view.setUint16(at, code, true);
      view.setUint8(at + 2, jt);
      view.setUint8(at + 3, jf);
      view.setUint32(at + 4, k >>> 0, true);
    });
    return new Uint8Array(view.buffer);
  }

  #emit(instruction: Instruction): Label {
    return this.#instructions.push(instruction) - 1;
  }

  #newReturn(verdict: number): Label {
    const label = this.#emit({ code: BPF_RET_K, jt: 0, jf: 0, k: verdict });
    this.#returns.set(verdict, label);
    return label;
  }

  /** For instructions that fall through: `next` must follow directly, if need be as a jump to it. */
  #then(instruction: Instruction, next: Label): Label {
    if (next !== this.length - 1) {
      this.#emit({ code: BPF_JA, jt: 0, jf: 0, k: this.#distance(next) });
    }
    return this.#emit(instruction);
  }

  /** How many instructions one written now would jump over to get to `label`. */
  #distance(label: Label): number {
    return this.length - 1 - label;
  }

  /** Whether a conditional jump reaches it, even after stepping stones for both of its targets. */
  #reaches(label: Label): boolean {
    return this.#distance(label) + 2 <= farthest;
  }

  /** `label`, or a stepping stone to it that a conditional jump can reach. */
  #near(label: Label): Label {
    if (this.#reaches(label)) {
      return label;
    }
    const target = this.#instructions[label];
    return target?.code === BPF_RET_K
      ? this.ret(target.k)
      : this.#emit({ code: BPF_JA, jt: 0, jf: 0, k: this.#distance(label) });
  }
}

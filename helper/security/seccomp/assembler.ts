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

/** `yes` and `no` are where it goes on; -1: nowhere. Instructions that do not choose have only `no`. */
interface Instruction {
  code: number;
  k: number;
  yes: Label;
  no: Label;
}

/** Offsets of conditional jumps are bytes. */
const farthest = 255;
/** struct sock_filter. */
export const sizeOfInstruction = 8;

export class Assembler {
  /** Last instruction of the program first. */
  readonly #instructions: Instruction[] = [];
  readonly #returns = new Map<number, Label>();

  /** Ends the filter with a verdict. One instruction serves all jumps that can reach it. */
  ret(verdict: number): Label {
    const known = this.#returns.get(verdict);
    if (known !== undefined && this.#reaches(known)) {
      return known;
    }
    const label = this.#emit({ code: BPF_RET_K, k: verdict, yes: -1, no: -1 });
    this.#returns.set(verdict, label);
    return label;
  }

  /** Loads the 32-bit word at `offset` of struct seccomp_data and goes on at `next`. */
  load(offset: number, next: Label): Label {
    return this.#emit({ code: BPF_LD_W_ABS, k: offset, yes: -1, no: this.#directly(next) });
  }

  /** Keeps the bits of `mask` in the accumulator and goes on at `next`. */
  and(mask: number, next: Label): Label {
    return this.#emit({ code: BPF_AND_K, k: mask, yes: -1, no: this.#directly(next) });
  }

  /** Compares the accumulator with `k` and goes on at `yes` or `no`. */
  jump(code: number, k: number, yes: Label, no: Label): Label {
    return yes === no ? yes : this.#emit({ code, k, yes: this.#near(yes), no: this.#near(no) });
  }

  /** `label`, or the instruction after it if that only loads the word which the accumulator holds already. */
  skipLoad(label: Label, offset: number): Label {
    const instruction = this.#instructions[label];
    return instruction?.code === BPF_LD_W_ABS && instruction.k === offset ? instruction.no : label;
  }

  /** The program that begins at `start`: struct sock_filter[], little-endian, what seccomp(2) takes. */
  assemble(start: Label): Uint8Array {
    const reachable = this.#reachable(start);
    // Leaving out what is never reached (loads that everybody skips) only brings jumps nearer to their targets.
    const position = new Map(reachable.map((label, index) => [label, index]));
    const view = new DataView(new ArrayBuffer(reachable.length * sizeOfInstruction));
    for (const [index, label] of reachable.entries()) {
      const { code, k, yes, no } = this.#instructions[label] ?? { code: 0, k: 0, yes: -1, no: -1 };
      const distance = (target: Label) => (position.get(target) ?? index + 1) - index - 1;
      const at = index * sizeOfInstruction;
      const isChoice = yes >= 0;
      view.setUint16(at, code, true);
      view.setUint8(at + 2, isChoice ? distance(yes) : 0);
      view.setUint8(at + 3, isChoice ? distance(no) : 0);
      view.setUint32(at + 4, code === BPF_JA ? distance(no) : k >>> 0, true);
    }
    return new Uint8Array(view.buffer);
  }

  /** Labels that can be got to from `start`, in the order of the program. */
  #reachable(start: Label): Label[] {
    const found = new Set<Label>();
    const waiting = [start];
    for (let label = waiting.pop(); label !== undefined; label = waiting.pop()) {
      const instruction = this.#instructions[label];
      if (instruction && !found.has(label)) {
        found.add(label);
        waiting.push(instruction.yes, instruction.no);
      }
    }
    return [...found].sort((one, other) => other - one);
  }

  #emit(instruction: Instruction): Label {
    return this.#instructions.push(instruction) - 1;
  }

  /** For instructions that fall through: `next` if it was written last, or a jump to it. */
  #directly(next: Label): Label {
    return next === this.#instructions.length - 1 ? next : this.#emit({ code: BPF_JA, k: 0, yes: -1, no: next });
  }

  /** Whether a conditional jump written now reaches it, even after stepping stones for both of its targets. */
  #reaches(label: Label): boolean {
    return this.#instructions.length - 1 - label + 2 <= farthest;
  }

  /** `label`, or a stepping stone to it that a conditional jump can reach. */
  #near(label: Label): Label {
    if (this.#reaches(label)) {
      return label;
    }
    const target = this.#instructions[label];
    return target?.code === BPF_RET_K ? this.ret(target.k) : this.#emit({ code: BPF_JA, k: 0, yes: -1, no: label });
  }
}

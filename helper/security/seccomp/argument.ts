/** Conditions on arguments: 64 bits each, which BPF sees as two words. */
import { ErrorCode, type oci, terrariumError } from '../../protocol/index.js';
import { type Assembler, BPF_JEQ_K, BPF_JGE_K, BPF_JGT_K, BPF_JSET_K, type Label } from './assembler.js';

/** struct seccomp_data: nr, arch, instruction_pointer, args[6]. */
const firstArgument = 16;
const argumentCount = 6;

/**
 * Refuses what cannot be meant.
 * @throws a terrariumError (Invalid). Values beyond 2^53 have lost their low bits on the way through JSON.
 */
export function validateArgument(argument: oci.SeccompArgument, name: string): void {
  const wrong = (what: string) =>
    terrariumError(ErrorCode.Invalid, `The seccomp rule for ${name} has ${what}`, {
      fix: 'See "args" in the OCI runtime specification, config-linux.md, section Seccomp.',
    });
  const { index, value, valueTwo, op } = argument;
  if (!Number.isInteger(index) || index < 0 || index >= argumentCount) {
    throw wrong(`argument index ${JSON.stringify(index)}: there are 0 to ${argumentCount - 1}`);
  }
  if (!Object.hasOwn(compilers, op)) {
    throw wrong(`an unknown comparison ${JSON.stringify(op)}`);
  }
  for (const number of [value, valueTwo ?? 0]) {
    if (!Number.isSafeInteger(number) || number < 0) {
      throw wrong(`the value ${JSON.stringify(number)}: only 0 to 2^53 - 1 can be told exactly`);
    }
  }
}

/** Code that goes on at `yes` when the argument satisfies the condition, at `no` when it does not. */
export function compileArgument(to: Assembler, argument: oci.SeccompArgument, yes: Label, no: Label): Label {
  return compilers[argument.op](to, argument, yes, no);
}

type Compile = (to: Assembler, argument: oci.SeccompArgument, yes: Label, no: Label) => Label;

const equal: Compile = (to, { index, value }, yes, no) => {
  const low = to.load(lowWord(index), to.jump(BPF_JEQ_K, lowBits(value), yes, to.skipLoad(no, lowWord(index))));
  return to.load(highWord(index), to.jump(BPF_JEQ_K, highBits(value), low, no));
};

/** Above in the high words, or equal there and `code` (greater, or greater or equal) in the low ones. */
function compare(code: number): Compile {
  return (to, { index, value }, yes, no) => {
    const low = to.load(lowWord(index), to.jump(code, lowBits(value), yes, no));
    const same = to.jump(BPF_JEQ_K, highBits(value), low, no);
    return to.load(highWord(index), to.jump(BPF_JGT_K, highBits(value), yes, same));
  };
}
const greater = compare(BPF_JGT_K);
const greaterOrEqual = compare(BPF_JGE_K);

/** (argument & value) == valueTwo. */
const maskedEqual: Compile = (to, { index, value: mask, valueTwo: wanted = 0 }, yes, no) => {
  const low = maskedWord(to, lowWord(index), lowBits(mask), lowBits(wanted), yes, no);
  return maskedWord(to, highWord(index), highBits(mask), highBits(wanted), low, no);
};

function maskedWord(to: Assembler, word: number, mask: number, wanted: number, yes: Label, no: Label): Label {
  if ((wanted & ~mask) !== 0) {
    return no;
  }
  if (mask === 0) {
    return yes;
  }
  const isOneBit = (mask & (mask - 1)) === 0;
  if (wanted === 0 || isOneBit) {
    // One test that leaves the word in the accumulator, for whoever looks at it next.
    const [set, clear] = wanted === 0 ? [to.skipLoad(no, word), yes] : [yes, to.skipLoad(no, word)];
    return to.load(word, to.jump(BPF_JSET_K, mask, set, clear));
  }
  return mask === 0xffffffff
    ? to.load(word, to.jump(BPF_JEQ_K, wanted, yes, to.skipLoad(no, word)))
    : to.load(word, to.and(mask, to.jump(BPF_JEQ_K, wanted, yes, no)));
}

const compilers: Readonly<Record<oci.SeccompArgument['op'], Compile>> = {
  SCMP_CMP_EQ: equal,
  SCMP_CMP_NE: (to, argument, yes, no) => equal(to, argument, no, yes),
  SCMP_CMP_GT: greater,
  SCMP_CMP_GE: greaterOrEqual,
  SCMP_CMP_LT: (to, argument, yes, no) => greaterOrEqual(to, argument, no, yes),
  SCMP_CMP_LE: (to, argument, yes, no) => greater(to, argument, no, yes),
  SCMP_CMP_MASKED_EQ: maskedEqual,
};

function lowWord(index: number): number {
  return firstArgument + index * 8;
}
function highWord(index: number): number {
  return lowWord(index) + 4;
}
function lowBits(value: number): number {
  return value % 2 ** 32;
}
function highBits(value: number): number {
  return Math.floor(value / 2 ** 32);
}

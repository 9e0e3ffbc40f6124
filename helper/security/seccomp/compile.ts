/**
 * Turns an OCI seccomp profile into a filter the kernel loads: struct sock_filter[].
 *
 * The numbers of system calls are split into ranges with one verdict, found by binary search: a filter is run at every
 * system call, and loading one takes time in proportion to its length.
 *
 * Where the specification leaves room: of several rules for a call the ones with arguments come first, in their order
 * in the profile, and the first that holds decides; a rule without arguments decides the rest; then the default. A rule
 * with several conditions on one argument stands for one rule each (as in runc). Names that the architecture does not
 * have are passed over: profiles are written for all of them.
 */
import { ErrorCode, type oci, terrariumError } from '../../protocol/index.js';
import { type Architecture, auditArchitecture, ownArchitecture, systemCallNumbers } from './architecture.js';
import { compileArgument, validateArgument } from './argument.js';
import { Assembler, BPF_JEQ_K, BPF_JGE_K, type Label, sizeOfInstruction } from './assembler.js';
import { refused, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_USER_NOTIF, unknownCall, verdict } from './verdict.js';

export interface CompileOptions {
  /**
   * Hand calls that are refused with EPERM to whoever has the filter's listener, to be refused by it: seccomp_unotify(2).
   * sendmsg(2) is not among them: the listener is sent with it, and nobody listens before.
   */
  notify?: boolean;
}

export interface CompiledFilter {
  /** For the step `installSeccomp`. */
  filter: Uint8Array;
  instructions: number;
  /** Names in the profile that this architecture does not have. */
  unknownNames: string[];
}

/** BPF_MAXINSNS. */
const longestFilter = 4096;
/** struct seccomp_data. */
const numberOffset = 0;
const architectureOffset = 4;
/** __X32_SYSCALL_BIT: from here on x86-64 has the calls of a third ABI, which would go around all rules. */
const firstX32Number = 0x40000000;

const cache = new Map<string, CompiledFilter>();
const cacheSize = 8;

/**
 * Compiles a profile; the last few are kept, so that a start does not pay for it.
 *
 * Calls of a foreign architecture (32-bit programs) end the process with SIGSYS: none of them could work, `exit`
 * included. x32 calls answer ENOSYS, as kernels without x32 do.
 * @throws a terrariumError (Invalid) that names the rule, when the profile cannot be compiled.
 */
export function compileSeccomp(
  profile: oci.Seccomp,
  architecture = ownArchitecture(),
  { notify = false }: CompileOptions = {},
): CompiledFilter {
  const key = `${architecture} ${notify} ${JSON.stringify(profile)}`;
  const known = cache.get(key);
  const compiled = known ?? compile(profile, architecture, notify);
  // Deleted and set again it is the youngest; the oldest goes first.
  cache.delete(key);
  cache.set(key, compiled);
  for (const oldest of cache.size > cacheSize ? [...cache.keys()].slice(0, 1) : []) {
    cache.delete(oldest);
  }
  return compiled;
}

/** The filter for the step `installSeccomp`; empty, and the step left out, when a container is unconfined. */
export function filterOf(profile: oci.Seccomp | undefined, options: CompileOptions = {}): Uint8Array {
  return profile === undefined ? new Uint8Array() : compileSeccomp(profile, ownArchitecture(), options).filter;
}

/** What decides about one system call. */
interface Decision {
  conditional: { args: readonly oci.SeccompArgument[]; verdict: number }[];
  otherwise: number | undefined;
}

function compile(profile: oci.Seccomp, architecture: Architecture, notify: boolean): CompiledFilter {
  const numbers = systemCallNumbers[architecture];
  const own = verdict(profile.defaultAction, profile.defaultErrnoRet);
  const { decisions: told, unknownNames } = collect(profile, numbers);
  const decisions = notify ? handedOver(told, own, numbers.sendmsg) : told;
  const fallback = notify ? handOver(own) : own;
  const program = new Assembler();
  const foreign = program.ret(SECCOMP_RET_KILL_PROCESS);
  // Frequent verdicts last: nearest to the search that jumps to them.
  program.ret(unknownCall);
  const search = compileSearch(program, ranges(program, decisions, fallback, architecture));
  const native = program.load(numberOffset, search);
  const start = program.load(
    architectureOffset,
    program.jump(BPF_JEQ_K, auditArchitecture[architecture], native, foreign),
  );
  const filter = program.assemble(start);
  const instructions = filter.length / sizeOfInstruction;
  if (instructions > longestFilter) {
    throw terrariumError(ErrorCode.Invalid, `The seccomp profile is too long: ${instructions} instructions`, {
      cause: `The kernel takes at most ${longestFilter}.`,
      fix: 'Use fewer conditions on arguments.',
    });
  }
  return { filter, instructions, unknownNames };
}

function collect(profile: oci.Seccomp, numbers: Readonly<Record<string, number>>) {
  const decisions = new Map<number, Decision>();
  const unknownNames = new Set<string>();
  for (const rule of profile.syscalls ?? []) {
    const ruleVerdict = verdict(rule.action, rule.errnoRet);
    const args = rule.args ?? [];
    for (const argument of args) {
      validateArgument(argument, rule.names.join(', '));
    }
    const alternatives = new Set(args.map(({ index }) => index)).size < args.length ? args.map((one) => [one]) : [args];
    for (const name of rule.names) {
      const number = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
      if (number === undefined) {
        unknownNames.add(name);
        continue;
      }
      const decision = decisions.get(number) ?? { conditional: [], otherwise: undefined };
      decisions.set(number, decision);
      if (args.length === 0) {
        decision.otherwise ??= ruleVerdict;
      } else {
        decision.conditional.push(...alternatives.map((alternative) => ({ args: alternative, verdict: ruleVerdict })));
      }
    }
  }
  return { decisions, unknownNames: [...unknownNames] };
}

const handOver = (value: number): number => (value === refused ? SECCOMP_RET_USER_NOTIF : value);

/** What is refused is handed over, but for the call of number `kept`. */
function handedOver(
  decisions: ReadonlyMap<number, Decision>,
  fallback: number,
  kept: number | undefined,
): ReadonlyMap<number, Decision> {
  const changed = new Map<number, Decision>();
  for (const [number, { conditional, otherwise = fallback }] of decisions) {
    changed.set(number, {
      conditional: conditional.map((rule) => ({ ...rule, verdict: handOver(rule.verdict) })),
      otherwise: handOver(otherwise),
    });
  }
  if (kept !== undefined) {
    const { conditional = [], otherwise = fallback } = decisions.get(kept) ?? {};
    changed.set(kept, { conditional, otherwise });
  }
  return changed;
}

interface Range {
  /** First number; the next range begins where this one ends. */
  from: number;
  target: Label;
}

/** Splits all 2^32 numbers into as few ranges as possible, and writes the code they lead to. */
function ranges(
  program: Assembler,
  decisions: ReadonlyMap<number, Decision>,
  fallback: number,
  architecture: Architecture,
): Range[] {
  const plain = new Map<number, number>();
  const conditional = new Map<number, Label>();
  for (const [number, { conditional: rules, otherwise = fallback }] of decisions) {
    if (rules.length === 0) {
      plain.set(number, otherwise);
    } else {
      conditional.set(number, compileRules(program, rules, otherwise));
    }
  }
  // Verdicts as such, not labels, tell ranges apart: of one verdict there may be several return instructions.
  const last = Math.max(-1, ...decisions.keys());
  const result: { from: number; key: string; target: () => Label }[] = [];
  const add = (from: number, key: string, target: () => Label) => {
    if (result.at(-1)?.key !== key) {
      result.push({ from, key, target });
    }
  };
  for (let number = 0; number <= last; number++) {
    const label = conditional.get(number);
    if (label !== undefined) {
      add(number, `rules ${number}`, () => label);
    } else {
      const value = plain.get(number) ?? fallback;
      add(number, `verdict ${value}`, () => program.ret(value));
    }
  }
  add(last + 1, `verdict ${fallback}`, () => program.ret(fallback));
  if (architecture === 'x64') {
    add(firstX32Number, `verdict ${unknownCall}`, () => program.ret(unknownCall));
  }
  return result.map(({ from, target }) => ({ from, target: target() }));
}

function compileRules(program: Assembler, rules: Decision['conditional'], otherwise: number): Label {
  return rules.reduceRight((next: Label, rule) => {
    const match = program.ret(rule.verdict);
    return rule.args.reduceRight((yes: Label, argument) => compileArgument(program, argument, yes, next), match);
  }, program.ret(otherwise));
}

function compileSearch(program: Assembler, sorted: readonly Range[]): Label {
  const [first] = sorted;
  if (first === undefined) {
    throw terrariumError(ErrorCode.Internal, 'A seccomp filter without ranges');
  }
  if (sorted.length === 1) {
    return first.target;
  }
  const middle = sorted.length >> 1;
  const upper = sorted.slice(middle);
  const above = compileSearch(program, upper);
  const below = compileSearch(program, sorted.slice(0, middle));
  return program.jump(BPF_JGE_K, upper[0]?.from ?? 0, above, below);
}

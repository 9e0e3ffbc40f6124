import type { Answer, RecordedArgument, RecordedCall } from '../plan/answer.js';
import type { Plan, Step } from '../plan/step.js';
import { subjectOf } from '../plan/subject.js';
import type { Ledger, LedgerCall, LedgerStep } from '../protocol/index.js';
import { errnoName } from './errno.js';
import { explain } from './explain.js';
import { writeNumber } from './flags.js';

export interface LedgerHeading {
  container: string;
  operation: string;
  at: string;
}

/** Joins what was planned with what the kernel answered. Pure. */
export function composeLedger(heading: LedgerHeading, plan: Plan, answer: Answer): Ledger {
  // The monitor begins, so the first record is the earliest; the end may be either's.
  const first = answer.records[0]?.start ?? 0n;
  const ends = answer.records.map((call) => call.start + BigInt(call.duration)).sort((a, b) => Number(a - b));
  const last = ends.at(-1) ?? first;
  return {
    ...heading,
    succeeded: answer.status !== 'failed',
    durationNanoseconds: Number(last - first),
    dropped: answer.dropped,
    steps: plan.map((step, index) => ({
      index,
      kind: step.kind,
      subject: subjectOf(step),
      ...explained(step),
      calls: answer.records.filter((call) => call.step === index).map((call) => renderCall(call, first)),
      failed: answer.failedStep === index,
    })),
  };
}

function explained(step: Step): Pick<LedgerStep, 'purpose' | 'without' | 'manual'> {
  const { manual, ...sentences } = explain(step);
  return { ...sentences, manual: [...manual] };
}

function renderCall(call: RecordedCall, first: bigint): LedgerCall {
  return {
    name: call.name,
    args: renderArguments(call),
    result: call.result,
    errno: call.errno,
    ...(call.errno === 0 ? {} : { errnoName: errnoName(call.errno) }),
    startNanoseconds: Number(call.start - first),
    durationNanoseconds: call.duration,
    actor: call.actor,
  };
}

const AT_FDCWD = -100;

function renderArguments(call: RecordedCall): string[] {
  const written: string[] = [];
  for (const argument of call.args) written.push(renderArgument(call.name, written, argument));
  return written;
}

function renderArgument(call: string, before: readonly string[], argument: RecordedArgument): string {
  switch (argument.type) {
    case 'text':
      return JSON.stringify(argument.value);
    case 'descriptor':
      return argument.value === AT_FDCWD ? 'AT_FDCWD' : String(argument.value);
    case 'number':
      return writeNumber(call, before.length, argument.value, before) ?? String(argument.value);
    case 'flags':
      return writeNumber(call, before.length, argument.value, before) ?? `0x${argument.value.toString(16)}`;
  }
}

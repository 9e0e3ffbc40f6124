import { errnoName } from '../ledger/errno.js';
import type { Answer } from '../plan/answer.js';
import type { Plan, StepKind } from '../plan/step.js';
import { pathOf } from '../plan/subject.js';
import type { DoctorLineId } from '../protocol/index.js';
import type { Facts } from './facts.js';

/** A step that failed, as the stage recorded it. */
export interface Failure {
  /** Kind of the step; `zygote` when it was the start of the zygote itself, `decode` for a plan that was not understood. */
  step: string;
  /** For instance `clone3`; empty when no system call was recorded. */
  syscall: string;
  /** For instance `EPERM`. */
  errno: string;
  /** What the step was about: a file, a mount's source or destination, a command. May be empty. */
  path: string;
}

/** The step that failed. Pure. */
export function failureOf(plan: Plan, answer: Answer): Failure {
  const step = answer.failedStep === undefined ? undefined : plan[answer.failedStep];
  const call = answer.records.findLast((record) => record.step === answer.failedStep && record.errno === answer.errno);
  return {
    step: step?.kind ?? 'decode',
    syscall: call?.name ?? '',
    errno: errnoName(answer.errno),
    path: step === undefined ? '' : pathOf(step),
  };
}

/** What a person is told beside the errno. */
export interface Explanation {
  cause: string;
  fix: string;
  /** To copy into a terminal. */
  command?: string;
  /** The line of the doctor that tries what failed; missing where the machine is not to blame. */
  doctor?: DoctorLineId;
}

/** One known failure. The first rule that answers wins. */
export type Rule = (failure: Failure, facts: Facts) => Explanation | undefined;

/** Whether the step that failed is one of these. */
export function isStep(failure: Failure, ...steps: (StepKind | 'zygote' | 'decode')[]): boolean {
  return steps.some((step) => step === failure.step);
}

/** Whether the errno is one of these. */
export function isErrno(failure: Failure, ...errnos: string[]): boolean {
  return errnos.includes(failure.errno);
}

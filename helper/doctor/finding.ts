import type { CgroupAccess } from '../cgroup/access.js';
import type { DoctorLine, DoctorLineId } from '../protocol/index.js';
import type { Attempt, Bench } from './attempt.js';
import { explainFailure, type Facts, type Failure } from './explain.js';
import type { Rule } from './explanation.js';

/** What one trial found: the part of a line that is not the same on every machine. */
export type Finding = Pick<DoctorLine, 'verdict' | 'tried' | 'errno' | 'fix' | 'command'>;

/** Everything trials look at. */
export interface Examination {
  bench: Bench;
  /** The data folder, where containers' writable layers are. */
  data: string;
  facts: Facts;
  /** Undefined: user namespaces can be made. */
  userNamespace: Attempt;
  cgroups: CgroupAccess;
  /** Ends programs that trials have started. */
  signal: AbortSignal;
}

/** How one line comes to be. */
export interface Trial {
  id: DoctorLineId;
  /** It is made inside a user namespace: without one there is nothing to try. */
  inside: boolean;
  run(examination: Examination): Promise<Finding> | Finding;
}

/** It was done, and worked. */
export function works(tried: string): Finding {
  return { verdict: 'works', tried };
}

/** A line for what could not even be tried. */
export function untried(because: string, fix: string): Finding {
  return { verdict: 'missing', tried: `Not tried: ${because}.`, fix };
}

/**
 * What a plan's trial says. Pure.
 * @param what what was made, as in "Made …" and "Tried to make …".
 * @param advice knows more about this trial's failures than the general rules.
 */
export function findingOf(attempt: Attempt, what: string, facts: Facts, advice?: Rule): Finding {
  return attempt === undefined ? works(`Made ${what}.`) : refused(attempt, what, facts, advice);
}

/**
 * The finding of something that the kernel refused: errno, cause and what to do. Pure.
 * @param what as in "Tried to make …".
 */
export function refused(failure: Failure, what: string, facts: Facts, advice?: Rule): Finding {
  const { cause, fix, command } = advice?.(failure, facts) ?? explainFailure(failure, facts);
  const answer = `${failure.syscall || failure.step} answered ${failure.errno}.`;
  // Where no rule knows more the cause only says this again.
  const because = cause.endsWith(`answered ${failure.errno}.`) ? '' : ` ${cause}`;
  return {
    verdict: 'missing',
    tried: `Tried to make ${what}: ${answer}${because}`,
    errno: failure.errno,
    fix,
    ...(command === undefined ? {} : { command }),
  };
}

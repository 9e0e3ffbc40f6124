import { explainFailure, type Failure, gatherFacts } from '../doctor/explain.js';
import { errnoName } from '../ledger/errno.js';
import type { Answer } from '../plan/answer.js';
import type { Plan } from '../plan/step.js';
import { pathOf } from '../plan/subject.js';
import { ErrorCode, type ErrorData, type TerrariumError, terrariumError } from '../protocol/index.js';
import type { Machine } from './machine.js';

/** Turns the first step that failed into the one message a person gets: step, call, errno, path, cause, fix. */
export async function stepFailure(
  machine: Machine,
  what: string,
  plan: Plan,
  answer: Answer,
  ledger?: ErrorData['ledger'],
): Promise<TerrariumError> {
  const step = answer.failedStep === undefined ? undefined : plan[answer.failedStep];
  const call = answer.records.findLast((record) => record.step === answer.failedStep && record.errno === answer.errno);
  const failure: Failure & { path: string } = {
    step: step?.kind ?? 'decode',
    syscall: call?.name ?? '',
    errno: errnoName(answer.errno),
    path: step === undefined ? '' : pathOf(step),
  };
  const explanation = explainFailure(failure, await gatherFacts(machine.identity));
  const at = failure.path === '' ? '' : ` ${failure.path}`;
  return terrariumError(ErrorCode.StepFailed, `${what}: ${failure.step}${at} failed with ${failure.errno}`, {
    ...failure,
    ...explanation,
    ...(ledger === undefined ? {} : { ledger }),
  });
}

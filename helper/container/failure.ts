import { explainFailure, failureOf, gatherFacts } from '../doctor/explain.js';
import type { Answer } from '../plan/answer.js';
import type { Plan } from '../plan/step.js';
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
  const failure = failureOf(plan, answer);
  const explanation = explainFailure(failure, await gatherFacts(machine.identity));
  const at = failure.path === '' ? '' : ` ${failure.path}`;
  return terrariumError(ErrorCode.StepFailed, `${what}: ${failure.step}${at} failed with ${failure.errno}`, {
    ...failure,
    ...explanation,
    ...(ledger === undefined ? {} : { ledger }),
  });
}

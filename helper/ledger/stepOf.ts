import type { Plan, StepKind, StepOf } from '../plan/step.js';

/** The first step of a kind. */
export function stepOf<K extends StepKind>(plan: Plan, kind: K): StepOf<K> | undefined {
  return plan.find((step): step is StepOf<K> & Plan[number] => step.kind === kind);
}

import { errnoName } from '../ledger/errno.js';
import type { Answer } from '../plan/answer.js';
import { CLONE_NEWNS, CLONE_NEWUSER, MS_PRIVATE, MS_REC } from '../plan/constants.js';
import type { Plan, Step } from '../plan/step.js';
import { type Identity, nestedMap } from '../zygote/identity.js';
import { ZygoteError } from '../zygote/launch.js';
import type { Failure } from './explanation.js';

/** What the doctor needs to have a plan carried out. */
export interface PlanExecutor {
  carryOut(plan: Plan): Promise<{ answer: Answer }>;
}

/** Undefined: it works. */
export type Attempt = Failure | undefined;

/**
 * The way out: a step that fails wherever it is reached. When the plan gets this far everything before it worked, and the stage
 * undoes a failed plan to the last trace.
 */
const wayOut: Step = { kind: 'changeDirectory', path: '/proc/terrarium-doctor-was-here' };

/** Has steps done by a new process in namespaces of its own, and undone at once. Throws what is no answer of the kernel. */
export async function attempt(
  executor: PlanExecutor,
  identity: Identity,
  flags: number,
  steps: readonly Step[],
): Promise<Attempt> {
  const plan: Step[] = [
    { kind: 'clone', flags: CLONE_NEWUSER | flags, cgroup: '' },
    {
      kind: 'mapIds',
      uidMap: nestedMap(identity.uidMappings),
      gidMap: nestedMap(identity.gidMappings),
      setgroups: identity.gidMappings.length > 1 ? 'allow' : 'deny',
    },
    ...(flags & CLONE_NEWNS ? [{ kind: 'setPropagation', path: '/', flags: MS_REC | MS_PRIVATE } as const] : []),
    ...steps,
    wayOut,
  ];
  let answer: Answer;
  try {
    ({ answer } = await executor.carryOut(plan));
  } catch (error) {
    if (error instanceof ZygoteError) {
      return { step: 'zygote', syscall: error.syscall, errno: errnoOf(error.errno), path: '' };
    }
    throw error;
  }
  if (answer.failedStep === plan.length - 1) return undefined;
  const step = answer.failedStep === undefined ? undefined : plan[answer.failedStep];
  const call = answer.records.findLast((record) => record.step === answer.failedStep && record.errno === answer.errno);
  return {
    step: step?.kind ?? 'decode',
    syscall: call?.name ?? '',
    errno: errnoName(answer.errno),
    path: step?.kind === 'mount' ? step.destination : step?.kind === 'bind' ? step.source : '',
  };
}

/** The zygote reports an errno by name or by number. */
function errnoOf(reported: string): string {
  return /^\d+$/.test(reported) ? errnoName(Number(reported)) : reported;
}

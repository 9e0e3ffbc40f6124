import { mkdtemp, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { errnoName } from '../ledger/errno.js';
import type { Answer } from '../plan/answer.js';
import { CLONE_NEWNS, CLONE_NEWUSER, MS_PRIVATE, MS_REC } from '../plan/constants.js';
import type { Plan, Step } from '../plan/step.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import { type Identity, nestedMap } from '../zygote/identity.js';
import { ZygoteError } from '../zygote/launch.js';
import type { Failure } from './explanation.js';

/** What the doctor needs to have a plan carried out. */
export interface PlanExecutor {
  carryOut(plan: Plan): Promise<{ answer: Answer }>;
}

/** Undefined: it works. */
export type Attempt = Failure | undefined;

/** What the trials are made with. */
export interface Bench {
  zygote: PlanExecutor;
  identity: Identity;
  /** The data folder, where containers' writable layers are. */
  data: string;
  /** For sockets, whose paths must be short. */
  runtime: string;
}

/**
 * The way out: a step that fails wherever it is reached. When the plan gets this far everything before it worked, and the stage
 * undoes a failed plan to the last trace.
 */
const wayOut: Step = { kind: 'execute', paths: ['/proc/terrarium-doctor'], args: ['doctor'], env: [], supervise: 0 };

/**
 * Has steps done by a new process in namespaces of its own, and undone at once. `steps` gets a folder to make things in, which is
 * on the file system of the data folder and gone afterwards. Throws what is no answer of the kernel.
 */
export async function attempt(
  bench: Bench,
  flags: number,
  steps: (scratch: string) => Promise<readonly Step[]> | readonly Step[],
): Promise<Attempt> {
  const scratch = await mkdtemp(path.join(bench.data, 'doctor-'));
  try {
    return await carryOut(bench, planFor(bench, flags, scratch, await steps(scratch)));
  } finally {
    await remove(bench, scratch);
  }
}

/** An overlay leaves folders of mode 000 behind, which only root of the user namespace can look into. */
async function remove({ zygote }: Bench, scratch: string): Promise<void> {
  try {
    const { answer } = await zygote.carryOut([{ kind: 'removeTree', path: scratch }]);
    if (answer.status === 'done') return;
    throw terrariumError(ErrorCode.Internal, `The doctor could not remove ${scratch}: ${errnoName(answer.errno)}`);
  } catch (error) {
    if (!(error instanceof ZygoteError)) throw error;
    // Then nothing was mounted either.
    await rm(scratch, { recursive: true, force: true });
  }
}

function planFor({ identity, runtime }: Bench, flags: number, scratch: string, steps: readonly Step[]): Plan {
  const socket = path.join(runtime, `${path.basename(scratch)}.sock`);
  return [
    { kind: 'monitor', directory: scratch, socket, outputLimit: 65_536n, events: '' },
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
}

async function carryOut({ zygote }: Bench, plan: Plan): Promise<Attempt> {
  let answer: Answer;
  try {
    ({ answer } = await zygote.carryOut(plan));
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
export function errnoOf(reported: string): string {
  return /^\d+$/.test(reported) ? errnoName(Number(reported)) : reported;
}

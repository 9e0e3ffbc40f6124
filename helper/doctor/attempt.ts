import { mkdtemp, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { errnoName } from '../ledger/errno.js';
import type { Answer } from '../plan/answer.js';
import { CLONE_NEWNS, CLONE_NEWUSER, MS_PRIVATE, MS_REC } from '../plan/constants.js';
import type { Plan, Step } from '../plan/step.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import { type Identity, nestedMap } from '../zygote/identity.js';
import { ZygoteError } from '../zygote/launch.js';
import { type Failure, failureOf } from './explanation.js';

/** What the doctor needs to have a plan carried out. */
export interface PlanExecutor {
  carryOut(plan: Plan): Promise<{ answer: Answer }>;
  /** Of the zygote, started if need be. */
  pid(): Promise<number>;
}

/** Undefined: it works. */
export type Attempt = Failure | undefined;

/** What the trials are made with. */
export interface Bench {
  zygote: PlanExecutor;
  identity: Identity;
  /** Where trials make their files: the data folder, unless that takes none. */
  folder: string;
  /** For sockets, whose paths must be short. */
  runtime: string;
}

/** What a new process does, in namespaces of its own; paths are below `scratch`, which is gone afterwards. */
export interface Undertaking {
  /** CLONE_NEW*, beside a user namespace. */
  flags: number;
  /** What its monitor does before the process is there. */
  before?(scratch: string): readonly Step[];
  /** A cgroup of v2 to be born in. */
  cgroup?: string;
  steps?(scratch: string): Promise<readonly Step[]> | readonly Step[];
}

/**
 * The way out: a step that fails wherever it is reached. When the plan gets this far everything before it worked, and the stage
 * undoes a failed plan to the last trace.
 */
const wayOut: Step = { kind: 'execute', paths: ['/proc/terrarium-doctor'], args: ['doctor'], env: [], supervise: 0 };

/** Has steps done and undone at once. Throws what is no answer of the kernel. */
export function attempt(bench: Bench, undertaking: Undertaking): Promise<Attempt> {
  return withScratch(bench, async (scratch) => {
    const steps = (await undertaking.steps?.(scratch)) ?? [];
    return carryOut(bench, planFor(bench, undertaking, scratch, [...steps, wayOut]));
  });
}

/** Gives `work` a folder to make things in, and removes it. */
export async function withScratch<T>(bench: Bench, work: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(path.join(bench.folder, 'doctor-'));
  try {
    return await work(scratch);
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

/** The plan whose process ends with `steps`; the monitor keeps its files in `scratch`. Pure. */
export function planFor(
  { identity, runtime }: Bench,
  { flags, before, cgroup = '' }: Undertaking,
  scratch: string,
  steps: readonly Step[],
): Plan {
  const socket = path.join(runtime, `${path.basename(scratch)}.sock`);
  return [
    { kind: 'monitor', directory: scratch, socket, outputLimit: 65_536n, events: '' },
    ...(before?.(scratch) ?? []),
    { kind: 'clone', flags: CLONE_NEWUSER | flags, cgroup },
    {
      kind: 'mapIds',
      uidMap: nestedMap(identity.uidMappings),
      gidMap: nestedMap(identity.gidMappings),
      setgroups: identity.gidMappings.length > 1 ? 'allow' : 'deny',
    },
    ...(flags & CLONE_NEWNS ? [{ kind: 'setPropagation', path: '/', flags: MS_REC | MS_PRIVATE } as const] : []),
    ...steps,
  ];
}

async function carryOut({ zygote }: Bench, plan: Plan): Promise<Attempt> {
  let answer: Answer;
  try {
    ({ answer } = await zygote.carryOut(plan));
  } catch (error) {
    if (error instanceof ZygoteError) return zygoteRefused(error);
    throw error;
  }
  return answer.failedStep === plan.length - 1 ? undefined : failureOf(plan, answer);
}

/** The zygote could not be made. */
export function zygoteRefused(error: ZygoteError): Failure {
  return { step: 'zygote', syscall: error.syscall, errno: errnoOf(error.errno), path: '' };
}

/** The zygote reports an errno by name or by number. */
export function errnoOf(reported: string): string {
  return /^\d+$/.test(reported) ? errnoName(Number(reported)) : reported;
}

import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { readOutput, toLogEntry } from '../container/outputLog.js';
import { signalProcess } from '../inspect/signal.js';
import { isAlive } from '../inspect/stat.js';
import type { Answer } from '../plan/answer.js';
import type { Plan, Step } from '../plan/step.js';
import { ErrorCode, type TerrariumError, terrariumError } from '../protocol/index.js';
import { type Bench, planFor, type Undertaking, withScratch } from './attempt.js';
import { type Failure, failureOf } from './explanation.js';
import { findProgram, type ProgramResult } from './programs.js';

/** A trial whose process could not be made: not the one that is tried, but what it needs. */
export class NotMade extends Error {
  constructor(readonly failure: Failure) {
    super(`${failure.step}: ${failure.errno}`);
  }
}

const patienceMilliseconds = 5000;
const exitSchema = z.object({ exitCode: z.number(), signal: z.number() });

/**
 * Runs a program as root of a user namespace, in further namespaces of its own; what it leaves running ends with them where
 * `undertaking.flags` has CLONE_NEWPID.
 * @throws NotMade when it could not be started, and the reason of `signal`.
 */
export function runInside(
  bench: Bench,
  undertaking: Undertaking,
  command: (scratch: string) => readonly string[],
  signal: AbortSignal,
): Promise<ProgramResult> {
  return withScratch(bench, async (scratch) => {
    const args = command(scratch);
    const steps: Step[] = [
      ...((await undertaking.steps?.(scratch)) ?? []),
      { kind: 'execute', paths: [args[0] ?? ''], args, env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'], supervise: 0 },
    ];
    const pipes: Step = { kind: 'makePipes', stdin: 0 };
    const before = (folder: string): readonly Step[] => [...(undertaking.before?.(folder) ?? []), pipes];
    const answer = await start(bench, planFor(bench, { ...undertaking, before }, scratch, steps));
    const timedOut = !(await ended(answer, patienceMilliseconds, signal));
    if (timedOut) await end(answer, signal);
    signal.throwIfAborted();
    const { frames } = await readOutput(scratch);
    const output = frames.map((frame) => Buffer.from(toLogEntry(frame).data, 'base64').toString()).join('');
    return { status: await exitStatus(scratch), timedOut, output: output.trim() };
  });
}

/** A process that only holds its namespaces. */
export interface Holder {
  pid: number;
  scratch: string;
}

/** Longer than any trial: where this process is killed in the middle of one, the holder ends by itself. */
const holderSeconds = 30;

/**
 * Gives `work` a process that waits in namespaces of its own. It executes a program, as what containers hold does: what has only
 * changed its ids is not dumpable, and helpers of networks may not open its namespaces.
 * @throws NotMade when it could not be made.
 */
export function withHolder<T>(
  bench: Bench,
  undertaking: Undertaking,
  work: (holder: Holder) => Promise<T>,
): Promise<T> {
  return withScratch(bench, async (scratch) => {
    const args = ['sleep', String(holderSeconds)];
    const paths = [findProgram('sleep') ?? '/bin/sleep'];
    const steps: Step[] = [
      ...((await undertaking.steps?.(scratch)) ?? []),
      { kind: 'execute', paths, args, env: [], supervise: 0 },
    ];
    const answer = await start(bench, planFor(bench, undertaking, scratch, steps));
    try {
      return await work({ pid: answer.pid, scratch });
    } finally {
      await end(answer);
    }
  });
}

async function start({ zygote }: Bench, plan: Plan): Promise<Answer> {
  const { answer } = await zygote.carryOut(plan);
  if (answer.status === 'failed') throw new NotMade(failureOf(plan, answer));
  return answer;
}

/** Waits for the process and its monitor to be gone: then nothing of them is in the scratch folder any more. */
async function ended(answer: Answer, patience: number, signal?: AbortSignal): Promise<boolean> {
  const both = [
    { pid: answer.pid, startTime: answer.startTime },
    { pid: answer.monitorPid, startTime: answer.monitorStartTime },
  ];
  const deadline = performance.now() + patience;
  for (let pause = 1; both.some((identity) => isAlive(identity)); pause = Math.min(pause * 2, 16)) {
    if (signal?.aborted || performance.now() > deadline) return false;
    await delay(pause);
  }
  return true;
}

async function end(answer: Answer, signal?: AbortSignal): Promise<void> {
  try {
    signalProcess({ pid: answer.pid, startTime: answer.startTime }, constants.signals.SIGKILL);
  } catch (error) {
    // It has ended by itself.
    if ((error as TerrariumError).code !== ErrorCode.NotFound) throw error;
  }
  if (await ended(answer, patienceMilliseconds)) return;
  signal?.throwIfAborted();
  throw terrariumError(ErrorCode.Internal, `Process ${answer.pid} of the doctor does not end after SIGKILL`);
}

async function exitStatus(scratch: string): Promise<number | undefined> {
  const { exitCode, signal } = exitSchema.parse(JSON.parse(await readFile(path.join(scratch, 'exit.json'), 'utf8')));
  return signal === 0 ? exitCode : undefined;
}

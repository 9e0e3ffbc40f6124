/** Slow, lossy and cut links of running containers. What was made of one is kept in the run's folder, as long as the run. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../container/atomicFile.js';
import { stepFailure } from '../container/failure.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord, RuntimeRecord } from '../container/record.js';
import { runningRun } from '../container/stop.js';
import { shapePlan } from '../plan/linkSteps.js';
import { ErrorCode, type LinkShape, terrariumError } from '../protocol/index.js';

const shapeSchema = z.strictObject({
  delayMs: z.number().min(0).max(60_000, 'at most a minute').exactOptional(),
  lossPercent: z.number().min(0).max(100).exactOptional(),
  // 1 kB a second, below which connections do not come about, to what 64 bits of bytes never reach.
  rate: z.number().min(8000, 'at least 8000 bits a second').max(1e12).exactOptional(),
  down: z.boolean().exactOptional(),
});

const recordFile = (run: string) => path.join(run, 'link.json');

/** As it was made last; empty when it is as at the start. */
export function linkShape(run: string): LinkShape {
  let text: string;
  try {
    text = readFileSync(recordFile(run), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  return shapeSchema.parse(JSON.parse(text));
}

/**
 * Makes the link of a running container so, in place of what it was. The caller holds the container's lock.
 * @throws Invalid, WrongState, StepFailed: then it is as it was
 */
export async function shapeLink(machine: Machine, record: ContainerRecord, asked: LinkShape): Promise<LinkShape> {
  const shape = checkShape(asked);
  const { runtime, folder } = runningRun(machine, record);
  if (runtime.port === undefined) {
    throw terrariumError(ErrorCode.WrongState, `${record.name} has no link to a named network`, {
      fix: 'Make it in one; one that was started by an earlier Terrarium has to be started anew.',
      command: 'terrarium network create NAME',
    });
  }
  try {
    await carryOut(machine, record, runtime, runtime.port, shape);
  } catch (error) {
    await carryOut(machine, record, runtime, runtime.port, linkShape(folder));
    throw error;
  }
  await writeAtomically(recordFile(folder), JSON.stringify(shape), { durable: false });
  return shape;
}

/** Without what is as at the start. Pure. @throws Invalid */
export function checkShape(asked: LinkShape): LinkShape {
  const { success, data, error } = shapeSchema.safeParse(asked);
  if (!success) {
    throw terrariumError(ErrorCode.Invalid, `A link cannot be made so: ${z.prettifyError(error)}`, {
      fix: 'Say delayMs, lossPercent, rate (bits a second), down, or none of them.',
    });
  }
  const { delayMs = 0, lossPercent = 0, rate, down = false } = data;
  return {
    ...(delayMs > 0 ? { delayMs } : {}),
    ...(lossPercent > 0 ? { lossPercent } : {}),
    ...(rate === undefined ? {} : { rate }),
    ...(down ? { down } : {}),
  };
}

async function carryOut(
  machine: Machine,
  { name }: ContainerRecord,
  runtime: RuntimeRecord,
  port: string,
  shape: LinkShape,
): Promise<void> {
  const plan = shapePlan({ ...runtime, port }, shape);
  const { answer } = await machine.zygote.carryOutBy(runtime, plan);
  if (answer.status !== 'failed') return;
  throw await stepFailure(machine, `The link of ${name} could not be shaped`, plan, answer);
}

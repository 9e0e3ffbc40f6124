/** Slow, lossy and cut links of running containers, and of pods, which have one for all containers in them. */
import { ResponseError } from 'vscode-jsonrpc';
import { z } from 'zod';
import { stepFailure } from '../container/failure.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { runningRun } from '../container/stop.js';
import { type Link, shapePlan } from '../plan/linkSteps.js';
import { holderFolder, liveHolder as livePodHolder, type PodHolder } from '../pods/holder.js';
import { findPod, lockedPods, type PodRecord } from '../pods/store.js';
import { ErrorCode, type ErrorData, type LinkShape, terrariumError } from '../protocol/index.js';
import { liveHolder } from './holder.js';
import { keepLinkShape, linkShape, shapeSchema } from './linkRecord.js';

/** A link that is there. */
interface LiveLink extends Link {
  /** For people. */
  title: string;
  /** Where it is noted how it was made. */
  folder: string;
  /** Of the zygote in whose user namespace both ends are. */
  zygotePid: number;
}

/**
 * Makes the link of a running container so, in place of what it was; that of its pod, when it has its network from one. The
 * caller holds the container's lock.
 * @throws Invalid, WrongState, StepFailed: then it is as it was, unless the cause says otherwise
 */
export async function shapeLink(machine: Machine, record: ContainerRecord, asked: LinkShape): Promise<LinkShape> {
  const { name, specification } = record;
  const pod = specification.pod === undefined ? undefined : findPod(machine.locations, specification.pod);
  if (pod?.shares.includes('network') === true) return shapePodLink(machine, pod, asked);
  const shape = checkShape(asked);
  const { runtime, folder } = runningRun(machine, record);
  if (runtime.port === undefined) {
    throw terrariumError(ErrorCode.WrongState, `${name} has no link to a named network`, {
      fix: 'Make it in one; one that was started by an earlier Terrarium has to be started anew.',
      command: 'terrarium network create NAME',
    });
  }
  return make(machine, { ...runtime, port: runtime.port, title: name, folder }, shape);
}

/** The same for a pod. @throws Invalid, WrongState when it is not up or in no named network, StepFailed */
export async function shapePodLink(machine: Machine, pod: PodRecord, asked: LinkShape): Promise<LinkShape> {
  const shape = checkShape(asked);
  return lockedPods(machine.locations, async () => make(machine, podLink(machine, pod), shape));
}

function podLink(machine: Machine, pod: PodRecord): LiveLink {
  const { name, network } = pod;
  const refuse = (cause: string, fix: string) =>
    terrariumError(ErrorCode.WrongState, `The pod ${name} has no link to a named network`, { cause, fix });
  if (network?.kind !== 'bridge') throw refuse('It was not made to be in one.', 'Make one with --network NAME.');
  const holder = livePodHolder(machine.locations, name);
  const monitor = holder && anchorOf(machine, network.network, holder);
  if (holder?.port === undefined || monitor === undefined) {
    throw refuse('The process that holds its network is not there.', 'Start a container in it.');
  }
  const folder = holderFolder(machine.locations, name);
  return { ...holder, monitor, port: holder.port, title: `the pod ${name}`, folder };
}

/** Who is in the network's namespace: the monitor of a holder that took over from a killed one is not. */
function anchorOf({ locations }: Machine, network: string, { connected, monitor }: PodHolder) {
  return connected ? monitor : liveHolder(locations, network)?.init;
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

async function make(machine: Machine, link: LiveLink, shape: LinkShape): Promise<LinkShape> {
  await orTakeBack(
    () => carryOut(machine, link, shape),
    async () => carryOut(machine, link, linkShape(link.folder)),
  );
  await keepLinkShape(link.folder, shape);
  return shape;
}

/**
 * Makes a change, and takes back what was made of it when it fails.
 * @throws why the change failed; when taking it back failed too, its cause ends with that
 */
export async function orTakeBack(change: () => Promise<void>, takeBack: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    try {
      await takeBack();
    } catch (second) {
      throw withSecond(error, second);
    }
    throw error;
  }
}

function withSecond(error: unknown, second: unknown): Error {
  const text = (one: unknown) => (one instanceof Error ? one.message : String(one));
  const { code, data } =
    error instanceof ResponseError ? (error as ResponseError<ErrorData>) : { code: ErrorCode.Internal, data: {} };
  const left = `It may be half changed: putting it back as it was failed, too (${text(second)}).`;
  return terrariumError(code, text(error), {
    ...data,
    cause: data?.cause === undefined ? left : `${data.cause} ${left}`,
  });
}

async function carryOut(machine: Machine, link: LiveLink, shape: LinkShape): Promise<void> {
  const plan = shapePlan(link, shape);
  const { answer } = await machine.zygote.carryOutBy(link, plan);
  if (answer.status !== 'failed') return;
  throw await stepFailure(machine, `The link of ${link.title} could not be shaped`, plan, answer);
}

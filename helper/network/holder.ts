/**
 * The process that holds a network's namespace. It is started by the first container of the network and stays when helpers
 * end, like a container; it ends when the network is removed.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { writeAtomically } from '../container/atomicFile.js';
import { stepFailure } from '../container/failure.js';
import type { Locations } from '../container/locations.js';
import type { Machine } from '../container/machine.js';
import { signalUnlessEnded } from '../container/standStill.js';
import { bootId } from '../inspect/boot.js';
import { isAlive } from '../inspect/stat.js';
import { holderPlan, successorPlan } from '../plan/networkSteps.js';
import { ErrorCode, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import type { NetworkRecord } from './store.js';
import { addressText, bridgeAddress, parseSubnet } from './subnet.js';

const processIdentity = z.object({ pid: z.int().positive(), startTime: z.number() });
const holderSchema = z.object({
  bootId: z.string(),
  init: processIdentity,
  monitor: processIdentity,
  /** Of the zygote in whose user namespace it is. */
  zygotePid: z.int().positive(),
});
export type NetworkHolder = z.infer<typeof holderSchema>;

/** Of what runs for a network: in the runtime folder, by a digest, for a name may be longer than the path of a socket may be. */
export function holderFolder({ runtime }: Locations, network: string): string {
  return path.join(runtime, `network-${createHash('sha256').update(network).digest('hex').slice(0, 12)}`);
}

const recordFile = (folder: string) => path.join(folder, 'holder.json');

/** The holder that is there; undefined when there is none. */
export function liveHolder(locations: Locations, network: string): NetworkHolder | undefined {
  const holder = readHolder(locations, network);
  return holder !== undefined && isAlive(holder.init) ? holder : undefined;
}

/** The latest one since the machine's start, whether it is still there or not. */
function readHolder(locations: Locations, network: string): NetworkHolder | undefined {
  let text: string;
  try {
    text = readFileSync(recordFile(holderFolder(locations, network)), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const holder = holderSchema.parse(JSON.parse(text));
  return holder.bootId === bootId() ? holder : undefined;
}

/**
 * Starts one, or one that takes the place of a killed one when `anchor` is a process in its namespace. The caller has the
 * lock of networks, and has seen that there is none.
 * @throws StepFailed; then nothing is left
 */
export async function startHolder(
  machine: Machine,
  network: NetworkRecord,
  anchor?: ProcessIdentity,
): Promise<NetworkHolder> {
  const folder = holderFolder(machine.locations, network.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const subnet = parseSubnet(network.subnet);
  const place = {
    folder,
    socket: path.join(folder, 's'),
    address: addressText(bridgeAddress(subnet)),
    prefix: subnet.prefix,
    outbound: network.outbound !== 'none',
  };
  const plan = anchor === undefined ? holderPlan(place) : successorPlan(place, anchor);
  const { answer } = await machine.zygote.carryOut(plan);
  if (answer.status === 'failed') {
    throw await stepFailure(machine, `The network ${network.name} could not be made`, plan, answer);
  }
  const holder: NetworkHolder = {
    bootId: bootId(),
    init: { pid: answer.pid, startTime: answer.startTime },
    monitor: { pid: answer.monitorPid, startTime: answer.monitorStartTime },
    zygotePid: await machine.zygote.pid(),
  };
  await writeAtomically(recordFile(folder), JSON.stringify(holder), { durable: false });
  return holder;
}

const endMilliseconds = 10_000;

/** Ends it, if it is there, and waits for that. @throws WrongState when it does not end */
export async function endHolder(locations: Locations, network: string): Promise<void> {
  const holder = readHolder(locations, network);
  if (holder === undefined) return;
  signalUnlessEnded(holder.init, constants.signals.SIGTERM);
  await waitForEnd(network, holder);
}

/** Waits for one that was killed: its monitor goes after it. @throws WrongState when it does not end */
export async function awaitHolderEnd(locations: Locations, network: string): Promise<void> {
  const holder = readHolder(locations, network);
  if (holder !== undefined) await waitForEnd(network, holder);
}

async function waitForEnd(network: string, { init, monitor }: NetworkHolder): Promise<void> {
  const deadline = Date.now() + endMilliseconds;
  for (let pause = 1; isAlive(init) || isAlive(monitor); pause = Math.min(pause * 2, 20)) {
    if (Date.now() > deadline) {
      throw terrariumError(ErrorCode.WrongState, `The process that holds the network ${network} does not end`, {
        fix: `Look at process ${init.pid}: it ends by SIGTERM.`,
        command: `kill ${init.pid}`,
      });
    }
    await delay(pause);
  }
}

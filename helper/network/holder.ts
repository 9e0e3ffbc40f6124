/**
 * The process that holds a network's namespace. It is started by the first container of the network and stays when helpers
 * end, like a container; it ends when the network is removed.
 */
import { createHash } from 'node:crypto';
import { promises as fs, mkdirSync, readFileSync } from 'node:fs';
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
import { holderPlan } from '../plan/networkSteps.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
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

/** In the runtime folder, by a digest: a name may be longer than the path of a socket may be. */
function holderFolder({ runtime }: Locations, network: string): string {
  return path.join(runtime, `network-${createHash('sha256').update(network).digest('hex').slice(0, 12)}`);
}

const recordFile = (folder: string) => path.join(folder, 'holder.json');

/** The holder that is there; undefined when there is none. */
export function liveHolder(locations: Locations, network: string): NetworkHolder | undefined {
  let text: string;
  try {
    text = readFileSync(recordFile(holderFolder(locations, network)), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const holder = holderSchema.parse(JSON.parse(text));
  return holder.bootId === bootId() && isAlive(holder.init) ? holder : undefined;
}

/**
 * Starts one. The caller has the lock of networks, and has seen that there is none.
 * @throws StepFailed; then nothing is left
 */
export async function startHolder(machine: Machine, network: NetworkRecord): Promise<NetworkHolder> {
  const folder = holderFolder(machine.locations, network.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const subnet = parseSubnet(network.subnet);
  const plan = holderPlan({
    folder,
    socket: path.join(folder, 's'),
    address: addressText(bridgeAddress(subnet)),
    prefix: subnet.prefix,
  });
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
  const holder = liveHolder(locations, network);
  if (holder !== undefined) {
    signalUnlessEnded(holder.init, constants.signals.SIGTERM);
    const deadline = Date.now() + endMilliseconds;
    for (let pause = 1; isAlive(holder.init) || isAlive(holder.monitor); pause = Math.min(pause * 2, 20)) {
      if (Date.now() > deadline) {
        throw terrariumError(ErrorCode.WrongState, `The process that holds the network ${network} does not end`, {
          fix: `Look at process ${holder.init.pid}: it ends by SIGTERM.`,
          command: `kill ${holder.init.pid}`,
        });
      }
      await delay(pause);
    }
  }
  await fs.rm(holderFolder(locations, network), { recursive: true, force: true });
}

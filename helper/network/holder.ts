/**
 * The process that holds a network's namespace. It is started by the first container of the network and stays when helpers
 * end, like a container; it ends when the network is removed.
 */
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { stepFailure } from '../container/failure.js';
import {
  awaitEnd,
  holderFolder as folderOf,
  keepHolder,
  readHolder,
  type SharingHolder,
  sharingHolderSchema,
} from '../container/holder.js';
import type { Locations } from '../container/locations.js';
import type { Machine } from '../container/machine.js';
import { signalUnlessEnded } from '../container/standStill.js';
import { bootId } from '../inspect/boot.js';
import { isAlive } from '../inspect/stat.js';
import { holderPlan, successorPlan } from '../plan/networkSteps.js';
import type { ProcessIdentity } from '../protocol/index.js';
import { ipv6Of } from './ipv6.js';
import type { NetworkRecord } from './store.js';
import { addressText, bridgeAddress, parseSubnet } from './subnet.js';

export type NetworkHolder = SharingHolder;

/** Of what runs for a network. */
export const holderFolder = (locations: Locations, network: string): string => folderOf(locations, 'network', network);

const latestHolder = (locations: Locations, network: string): NetworkHolder | undefined =>
  readHolder(holderFolder(locations, network), sharingHolderSchema);

/** The holder that is there; undefined when there is none. */
export function liveHolder(locations: Locations, network: string): NetworkHolder | undefined {
  const holder = latestHolder(locations, network);
  return holder !== undefined && isAlive(holder.init) ? holder : undefined;
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
    ipv6: ipv6Of(network, bridgeAddress(subnet)),
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
  await keepHolder(folder, holder);
  return holder;
}

/** Ends it, if it is there, and waits for that. @throws WrongState when it does not end */
export async function endHolder(locations: Locations, network: string): Promise<void> {
  const holder = latestHolder(locations, network);
  if (holder === undefined) return;
  signalUnlessEnded(holder.init, constants.signals.SIGTERM);
  await waitForEnd(network, holder);
}

/** Waits for one that was killed: its monitor goes after it. @throws WrongState when it does not end */
export async function awaitHolderEnd(locations: Locations, network: string): Promise<void> {
  const holder = latestHolder(locations, network);
  if (holder !== undefined) await waitForEnd(network, holder);
}

function waitForEnd(network: string, holder: NetworkHolder): Promise<void> {
  return awaitEnd(holder, {
    message: `The process that holds the network ${network} does not end`,
    fix: `Look at process ${holder.init.pid}: it ends by SIGTERM.`,
    command: `kill ${holder.init.pid}`,
  });
}

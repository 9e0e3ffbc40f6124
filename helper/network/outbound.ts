/** The way out of a network: one process for all its containers, in the holder's pid namespace, with which it ends. */
import { mkdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ResponseError } from 'vscode-jsonrpc';
import { z } from 'zod';
import { writeAtomically } from '../container/atomicFile.js';
import { stepFailure } from '../container/failure.js';
import { awaitEnd } from '../container/holder.js';
import type { Locations } from '../container/locations.js';
import type { Machine } from '../container/machine.js';
import { readOutput } from '../container/outputLog.js';
import { noteStarted, readNoted } from '../container/processRecord.js';
import { signalUnlessEnded } from '../container/standStill.js';
import { helperFinding } from '../doctor/networkFindings.js';
import { findProgram } from '../doctor/programs.js';
import { bootId } from '../inspect/boot.js';
import { isAlive } from '../inspect/stat.js';
import { outboundPlan, uplinkName } from '../plan/networkSteps.js';
import {
  ErrorCode,
  type NetworkOutbound,
  type OutboundChoice,
  type OutboundProgram,
  type OutboundState,
  type TerrariumError,
  terrariumError,
} from '../protocol/index.js';
import { holderFolder, type NetworkHolder } from './holder.js';
import { goesOut6 } from './ipv6.js';
import { outboundArguments, packageOf, programsFor, uplink } from './outboundPrograms.js';
import type { NetworkRecord } from './store.js';

const processIdentity = z.object({ pid: z.int().positive(), startTime: z.number() });
const wayOutSchema = z.object({
  bootId: z.string(),
  program: z.enum(['pasta', 'slirp4netns']),
  init: processIdentity,
  monitor: processIdentity,
  ipv6: z.boolean().default(false),
  /** When it was made again since somebody asked for it, in milliseconds since 1970: see revival.ts. */
  revivals: z.array(z.number()).default([]),
  /** It ended too often: it is made again only when asked for. */
  givenUp: z.boolean().default(false),
});
const exitSchema = z.object({ outputStart: z.string() });
export type OutboundRecord = z.infer<typeof wayOutSchema>;

/** Of its monitor, which writes down there how it ended. */
export const outboundFolder = (locations: Locations, network: string): string =>
  path.join(holderFolder(locations, network), 'outbound');
const recordFile = (folder: string) => path.join(folder, 'outbound.json');

/** The latest since the machine's start, whether it is still there or not. */
export function readOutbound(folder: string): OutboundRecord | undefined {
  return readNoted(recordFile(folder), wayOutSchema);
}

export function writeOutbound(folder: string, record: OutboundRecord): Promise<void> {
  return writeAtomically(recordFile(folder), JSON.stringify(record), { durable: false });
}

/** The state of a network's way out; undefined when there is none, or none was started yet. */
export function outboundState(
  locations: Locations,
  { name, outbound }: Pick<NetworkRecord, 'name' | 'outbound'>,
): OutboundState | undefined {
  const record = outbound === 'none' ? undefined : readOutbound(outboundFolder(locations, name));
  return record === undefined ? undefined : stateOf(record);
}

export function stateOf({ init, givenUp }: OutboundRecord): OutboundState {
  if (isAlive(init)) return 'up';
  return givenUp ? 'given-up' : 'ended';
}

/** The way out as it is now; undefined when there is none, or none was started yet. */
export async function outboundOf(locations: Locations, network: NetworkRecord): Promise<NetworkOutbound | undefined> {
  if (network.outbound === 'none') return undefined;
  const folder = outboundFolder(locations, network.name);
  const record = readOutbound(folder);
  if (record === undefined) return undefined;
  return {
    program: record.program,
    ipv6: record.ipv6,
    revivals: record.revivals.length,
    ...(isAlive(record.init) ? { process: record.init } : { problem: await lastWords(folder) }),
    nameServer: uplink.nameServer,
    ...(network.hostLoopback ? { hostLoopback: uplink.gateway } : {}),
  };
}

/** @throws Unavailable when none of the programs that could be it is installed */
export function checkInstalled(choice: OutboundChoice): void {
  const programs = programsFor(choice);
  if (programs.length === 0 || programs.some((program) => findProgram(program) !== undefined)) return;
  throw missing(programs);
}

function missing(programs: readonly OutboundProgram[]): TerrariumError {
  const [first = 'pasta'] = programs;
  return terrariumError(ErrorCode.Unavailable, `No network can have a way out by ${programs.join(' or ')}`, {
    cause: programs.length > 1 ? 'Neither is installed.' : 'It is not installed.',
    fix: 'Install it.',
    command: `sudo apt-get install ${packageOf[first]}`,
    doctor: first,
  });
}

/**
 * Sees to it that a network that is to have a way out has it. The caller has the lock of networks.
 * @param revivals  when it was made again by itself, this time included; none when somebody asked for it
 * @throws Unavailable with what each program said, StepFailed
 */
export async function readyOutbound(
  machine: Machine,
  network: NetworkRecord,
  holder: NetworkHolder,
  revivals: number[] = [],
): Promise<void> {
  const programs = programsFor(network.outbound);
  if (programs.length === 0) return;
  const earlier = readOutbound(outboundFolder(machine.locations, network.name));
  if (earlier !== undefined && isAlive(earlier.init)) return;
  if (earlier !== undefined) await waitForEnd(earlier);
  checkInstalled(network.outbound);
  let refusal: TerrariumError | undefined;
  for (const program of programs) {
    const file = findProgram(program);
    if (file === undefined) continue;
    try {
      return await start(machine, network, holder, { program, file, revivals });
    } catch (error) {
      if (!(error instanceof ResponseError) || error.code !== ErrorCode.Unavailable) throw error;
      // The first one's is told: it is what should have worked.
      refusal ??= error as TerrariumError;
    }
  }
  if (refusal !== undefined) throw refusal;
}

async function start(
  machine: Machine,
  network: NetworkRecord,
  { init: holder, ...origin }: NetworkHolder,
  { program, file, revivals }: { program: OutboundProgram; file: string; revivals: number[] },
): Promise<void> {
  const folder = outboundFolder(machine.locations, network.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const namespace = path.join(folder, 'net');
  const ipv6 = program === 'pasta' && goesOut6(network);
  const plan = outboundPlan({
    folder,
    // Not in the folder: the path of a socket may not be long.
    socket: path.join(path.dirname(folder), 'o'),
    holder,
    namespace,
    program: file,
    args: outboundArguments(program, namespace, { hostLoopback: network.hostLoopback, ipv6 }),
  });
  const { answer } = await machine.zygote.carryOutBy(origin, plan);
  if (answer.status === 'failed') {
    throw await stepFailure(machine, `The way out of the network ${network.name} could not be made`, plan, answer);
  }
  const record: OutboundRecord = {
    bootId: bootId(),
    program,
    ipv6,
    init: { pid: answer.pid, startTime: answer.startTime },
    monitor: { pid: answer.monitorPid, startTime: answer.monitorStartTime },
    revivals,
    givenUp: false,
  };
  await noteStarted(recordFile(folder), record.init, record);
  if (await comesUp(record, holder.pid)) return;
  signalUnlessEnded(record.init, SIGKILL);
  await waitForEnd(record);
  const said = await lastWords(folder);
  const { tried: _, verdict: __, ...finding } = helperFinding(program, said);
  throw terrariumError(ErrorCode.Unavailable, `The network ${network.name} has no way out: ${program} does not work`, {
    ...finding,
    cause: said,
    doctor: program,
  });
}

const SIGKILL = 9;
const readyMilliseconds = 20_000;

/**
 * Whether it makes a way in the holder's network, and has done with what it needs rights for, before it ends and before it is
 * waited for no longer. Both programs put themselves under a seccomp filter last.
 */
async function comesUp({ init }: OutboundRecord, holder: number): Promise<boolean> {
  const deadline = Date.now() + readyMilliseconds;
  for (let pause = 2; isAlive(init) && Date.now() < deadline; pause = Math.min(pause * 2, 20)) {
    const filtered = /^Seccomp:\t2$/m.test(readProcess(init.pid, 'status'));
    if (filtered && hasWayOut(readProcess(holder, 'net/route'))) return isAlive(init);
    await delay(pause);
  }
  return false;
}

/** Empty for a process that has just ended. */
function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

/** Whether a default route leads to the uplink: from the text of /proc/net/route, see routedSubnets. Pure. */
export function hasWayOut(routes: string): boolean {
  return routes.split('\n').some((line) => line.startsWith(`${uplinkName}\t00000000\t`));
}

/** Until its monitor has ended, too, which writes down what it said. @throws WrongState */
function waitForEnd(record: OutboundRecord): Promise<void> {
  const { pid } = record.init;
  return awaitEnd(record, {
    message: `The way out of a network, process ${pid}, does not end`,
    fix: 'End it by hand.',
    command: `kill -9 ${pid}`,
  });
}

/** Waits for a way out whose network has ended: the kernel ends it. */
export async function awaitOutboundEnd(locations: Locations, network: string): Promise<void> {
  const record = readOutbound(outboundFolder(locations, network));
  if (record !== undefined) await waitForEnd(record);
}

/** What it had to complain of, the latest one. */
async function lastWords(folder: string): Promise<string> {
  const { frames } = await readOutput(folder, runStart(folder));
  return complaints(Buffer.concat(frames.flatMap((frame) => (frame.type === 'stderr' ? [frame.data] : []))).toString());
}

/** Where its output begins in the log, which goes on over several: docs/stage.md. */
function runStart(folder: string): bigint {
  try {
    return BigInt(exitSchema.parse(JSON.parse(readFileSync(path.join(folder, 'exit.json'), 'utf8'))).outputStart);
  } catch (error) {
    // Its monitor was killed before it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0n;
    throw error;
  }
}

/** One line of what was printed, without what means nothing. Pure. */
export function complaints(printed: string): string {
  const lines = printed.split('\n').flatMap((line) => {
    const text = line.trim();
    return text === '' || text.startsWith('WARNING:') || / bytes to syslog$/.test(text) ? [] : [text];
  });
  return lines.slice(-5).join('; ') || 'it ended without a word';
}

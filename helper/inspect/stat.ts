/** /proc/PID/stat: state, parent, and the start time that tells a process from a later one with the same pid. */
import { readFileSync } from 'node:fs';
import { ErrorCode, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import { procFolder, unlessGone } from './proc.js';

export interface ProcessStat {
  pid: number;
  /** At most 15 bytes, chosen by the process: may hold parentheses, spaces and line feeds. */
  command: string;
  /** R running, S sleeping, D waiting, T stopped, Z zombie and so on: proc(5). */
  state: string;
  parentPid: number;
  threads: number;
  /** CPU time in clock ticks, user and system, with that of children that were waited for. */
  cpuTicks: number;
  /** Clock ticks since boot. */
  startTime: number;
}

/** USER_HZ: the unit of times in /proc on every architecture that Node runs on. time(7) */
export const ticksPerSecond = 100;

// Fields are counted from 1 in proc(5); those after the command begin with number 3.
const firstAfterCommand = 3;
const stateField = 3;
const parentField = 4;
const userTimeField = 14;
const systemTimeField = 15;
const cpuTimeFields = [14, 15, 16, 17];
const threadsField = 20;
const startTimeField = 22;

/** @throws a terrariumError (Internal) when the text is no line of /proc/PID/stat. */
export function parseStat(text: string): ProcessStat {
  const open = text.indexOf('(');
  const close = endOfCommand(text);
  const field = fieldsOf(text);
  const number = (which: number) => Number.parseInt(field(which), 10);
  const stat = {
    pid: Number.parseInt(text.slice(0, open), 10),
    command: text.slice(open + 1, close),
    state: field(stateField),
    parentPid: number(parentField),
    threads: number(threadsField),
    cpuTicks: cpuTimeFields.reduce((sum, which) => sum + number(which), 0),
    startTime: number(startTimeField),
  };
  if (open < 0 || close < open || Number.isNaN(stat.pid + stat.parentPid + stat.startTime)) {
    throw terrariumError(ErrorCode.Internal, `Not a line of /proc/PID/stat: ${JSON.stringify(text.slice(0, 200))}`);
  }
  return stat;
}

/** The CPU time that a process itself has used so far, in clock ticks (`ticksPerSecond`), from its stat line. */
export function parseCpuTime(text: string): { user: number; system: number } {
  const field = fieldsOf(text);
  return { user: Number(field(userTimeField)), system: Number(field(systemTimeField)) };
}

/** The command may hold ")": only the last one ends it, since numbers follow. */
function endOfCommand(text: string): number {
  return text.lastIndexOf(')');
}

/** Fields after the command, by their number in proc_pid_stat(5). */
function fieldsOf(text: string): (number: number) => string {
  const fields = text
    .slice(endOfCommand(text) + 2)
    .trimEnd()
    .split(' ');
  return (number) => fields[number - firstAfterCommand] ?? '';
}

/** The stat line of a process, or undefined when there is none with this pid. */
export function readStat(pid: number, proc = procFolder): ProcessStat | undefined {
  const text = unlessGone(() => readFileSync(`${proc}/${pid}/stat`, 'utf8'));
  return text === undefined ? undefined : parseStat(text);
}

/** Who has this pid now, or undefined. */
export function processIdentity(pid: number, proc = procFolder): ProcessIdentity | undefined {
  const stat = readStat(pid, proc);
  return stat && { pid: stat.pid, startTime: stat.startTime };
}

/** Whether the process still runs: not ended, not a zombie that awaits its parent, and no later one with its pid. */
export function isAlive(identity: ProcessIdentity, proc = procFolder): boolean {
  const stat = readStat(identity.pid, proc);
  return stat !== undefined && stat.startTime === identity.startTime && stat.state !== 'Z' && stat.state !== 'X';
}

/** PF_EXITING of linux/sched.h: it gives back what it had, and will not run any more. */
const exitingFlag = 0x4;
const flagsField = 9;
const killSignal = 9;

/** Whether the process has ended, or cannot but end: it is exiting, or a SIGKILL waits for it. Source: proc(5). */
export function isEnding(identity: ProcessIdentity, proc = procFolder): boolean {
  if (!isAlive(identity, proc)) return true;
  const read = (file: string) => unlessGone(() => readFileSync(`${proc}/${identity.pid}/${file}`, 'utf8'));
  const stat = read('stat');
  const status = read('status');
  if (stat === undefined || status === undefined) return true;
  const flags = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[flagsField - firstAfterCommand]);
  const pending = [...status.matchAll(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$/gm)].map(([, mask]) => BigInt(`0x${mask}`));
  return (flags & exitingFlag) !== 0 || pending.some((mask) => ((mask >> BigInt(killSignal - 1)) & 1n) === 1n);
}

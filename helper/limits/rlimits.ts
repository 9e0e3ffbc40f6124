import { readFileSync } from 'node:fs';
import { SystemError } from '../../native/bindings/libc.js';
import { type ResourceLimit, readResourceLimit, setResourceLimit, unlimited } from '../../native/bindings/prlimit.js';
import { procFolder, unlessGone } from '../inspect/proc.js';
import { isAlive } from '../inspect/stat.js';
import { type RlimitName, rlimitNumbers } from '../plan/constants.js';
import {
  ErrorCode,
  knobOf,
  knobs,
  type LimitChange,
  type LimitReading,
  type LimitWrite,
  type oci,
  type ProcessIdentity,
  terrariumError,
} from '../protocol/index.js';

/**
 * Limits of setrlimit(2): of each process by itself, never of a container. Running processes get the soft limit, for a
 * hard one that was lowered could never be raised again (that wants CAP_SYS_RESOURCE in the machine's own user namespace),
 * so that neither undo nor a trial would work. The next start gets both.
 */

type RlimitKnob = Extract<(typeof knobs)[number], { controller: 'rlimit' }>;

/** Those that are offered, in the order in which they are shown. */
export const rlimitKnobs: readonly RlimitKnob[] = knobs.filter((knob) => knob.controller === 'rlimit');

export function isRlimit(name: string): name is RlimitKnob['name'] {
  return rlimitKnobs.some((knob) => knob.name === name);
}

/** The processes of a running container, its init first; asked for again until none is new. */
export type Processes = () => Promise<readonly ProcessIdentity[]>;

const textOf = (value: bigint): string => (value === unlimited ? 'max' : String(value));
const parsed = (text: string): bigint => (text === 'max' ? unlimited : BigInt(text));

/** Undefined when it has ended. */
function limitOf({ pid }: ProcessIdentity, name: RlimitName): ResourceLimit | undefined {
  try {
    return readResourceLimit(pid, rlimitNumbers[name]);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ESRCH') return undefined;
    throw error;
  }
}

/** What the processes hold now: the value is that of the first, their init. Throws SystemError. */
export function liveRlimits(processes: readonly ProcessIdentity[]): LimitReading[] {
  return rlimitKnobs.map(({ name }) => {
    const held = processes.flatMap((process) => limitOf(process, name) ?? []);
    const [first] = held;
    if (first === undefined) return { name, files: [], writable: false, unavailable: ended };
    const others = held.filter(({ soft }) => soft !== first.soft).length;
    const both = `${textOf(first.soft)} (hard ${textOf(first.hard)})`;
    const usage = usageOf(name, processes);
    return {
      name,
      value: textOf(first.soft),
      raw: others === 0 ? both : `${both}; ${others} of ${held.length} processes have another`,
      files: [],
      ...(usage === undefined ? {} : { usage }),
      writable: true,
    };
  });
}

const ended = { reason: 'The container has just ended.', remedy: 'Start it again.' };

/** What a configuration asks for. Pure. */
export function configuredRlimits(rlimits: readonly oci.Rlimit[] | undefined): LimitReading[] {
  return rlimitKnobs.map(({ name }) => {
    const value = rlimits?.find(({ type }) => type === name)?.soft;
    return { name, ...(value === undefined ? {} : { value: String(value) }), files: [], writable: true };
  });
}

/** What a process is born with when its configuration says nothing: as its forebear, the zygote, has it. */
export function inheritedRlimit(zygote: ProcessIdentity, name: RlimitName): string | undefined {
  const held = limitOf(zygote, name);
  return held === undefined ? undefined : textOf(held.soft);
}

/** The most that any single process uses of it; undefined for what is not counted by process. */
function usageOf(name: RlimitKnob['name'], processes: readonly ProcessIdentity[]): number | undefined {
  if (name !== 'RLIMIT_AS' && name !== 'RLIMIT_CPU') return undefined;
  const uses = processes.flatMap(({ pid }) => {
    const text = unlessGone(() => readFileSync(`${procFolder}/${pid}/stat`, 'utf8'));
    return text === undefined ? [] : [useOf(text)];
  });
  return uses.length === 0 ? undefined : Math.max(...uses.map((use) => use[name]));
}

/** USER_HZ: what /proc counts CPU time in, the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Of a line of /proc/PID/stat: fields 14 and 15 are the CPU time, 23 is the address space in bytes. Pure. */
export function useOf(stat: string): { RLIMIT_AS: number; RLIMIT_CPU: number } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return { RLIMIT_AS: field(23), RLIMIT_CPU: (field(14) + field(15)) / ticksPerSecond };
}

/** The configuration of the next start: soft and hard are the value; `max` leaves the process what it inherits. Pure. */
export function applyRlimits(
  rlimits: readonly oci.Rlimit[] | undefined,
  changes: readonly LimitChange[],
): oci.Rlimit[] | undefined {
  const changed = changes.filter(({ name }) => isRlimit(name));
  if (changed.length === 0) return rlimits === undefined ? undefined : [...rlimits];
  const kept = (rlimits ?? []).filter(({ type }) => !changed.some(({ name }) => name === type));
  const added = changed
    .filter(({ value }) => value !== 'max')
    .map(({ name, value }) => ({ type: name, soft: Number(value), hard: Number(value) }));
  const all = [...kept, ...added];
  return all.length === 0 ? undefined : all;
}

/** Throws `Invalid` for what is no value of an rlimit. */
export function checkRlimit({ name, value }: LimitChange): void {
  const { least = 0, most = Number.MAX_SAFE_INTEGER } = knobOf(name);
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (value === 'max' || (number >= least && number <= most)) return;
  throw terrariumError(ErrorCode.Invalid, `${value} is no value for ${name}`, {
    fix: `Give a whole number from ${least} to ${most}, or max.`,
  });
}

/** A soft limit before it was changed, to be put back. */
export interface RlimitUndo {
  process: ProcessIdentity;
  name: RlimitName;
  held: ResourceLimit;
}

/** New ones may be forked by those that do not have the limit yet; each round leaves fewer of those. */
const mostRounds = 50;

/**
 * Sets soft limits of all processes, also of those that are forked meanwhile, and answers with one write for each change
 * and what the first process then holds. `max` goes as far as a process may go. All or nothing.
 * @throws Unavailable when the kernel refuses, WrongState when they multiply faster than they can be reached
 */
export async function writeRlimits(
  processes: Processes,
  changes: readonly LimitChange[],
): Promise<{ writes: LimitWrite[]; undos: RlimitUndo[] }> {
  const undos: RlimitUndo[] = [];
  const writes: LimitWrite[] = [];
  try {
    for (const change of changes) {
      if (!isRlimit(change.name)) continue;
      const first = await writeRlimit(processes, change.name, change.value, undos);
      writes.push({ file: '', name: change.name, data: change.value, ...(first === undefined ? {} : { held: first }) });
    }
  } catch (error) {
    undoRlimits(undos);
    throw error;
  }
  return { writes, undos };
}

/** Puts soft limits back, those of processes that still run. */
export function undoRlimits(undos: readonly RlimitUndo[]): void {
  for (const { process, name, held } of [...undos].reverse()) {
    if (isAlive(process)) set(process, name, held);
  }
}

async function writeRlimit(
  processes: Processes,
  name: RlimitName,
  value: string,
  undos: RlimitUndo[],
): Promise<string | undefined> {
  for (let round = 0; round < mostRounds; round++) {
    const present = await processes();
    let missed = 0;
    for (const process of present) {
      const held = limitOf(process, name);
      if (held === undefined || !isAlive(process)) continue;
      const soft = value === 'max' ? held.hard : parsed(value);
      if (held.soft === soft) continue;
      missed++;
      const hard = soft > held.hard ? soft : held.hard;
      if (set(process, name, { soft, hard })) undos.push({ process, name, held });
    }
    if (missed === 0) {
      const [first] = present;
      const held = first === undefined ? undefined : limitOf(first, name);
      return held === undefined ? undefined : textOf(held.soft);
    }
  }
  throw terrariumError(ErrorCode.WrongState, `${name} could not be set for all processes`, {
    cause: 'New ones are forked faster than they can be reached.',
    fix: 'Pause the container, set it, and resume.',
  });
}

/** False when the process has ended meanwhile. */
function set({ pid }: ProcessIdentity, name: RlimitName, limit: ResourceLimit): boolean {
  try {
    setResourceLimit(pid, rlimitNumbers[name], limit);
    return true;
  } catch (error) {
    if (!(error instanceof SystemError) || error.code === 'ESRCH') {
      if (error instanceof SystemError) return false;
      throw error;
    }
    const { hard } = readResourceLimit(pid, rlimitNumbers[name]);
    throw terrariumError(ErrorCode.Unavailable, `The kernel refused ${name} = ${textOf(limit.soft)} (${error.code})`, {
      errno: error.code,
      syscall: 'prlimit',
      ...(limit.hard > hard
        ? {
            cause: `Process ${pid} has the hard limit ${textOf(hard)}, and to raise one takes CAP_SYS_RESOURCE on the machine itself.`,
            fix: `Choose at most ${textOf(hard)}; or stop the container, set it, and start: the next start has what is set.`,
          }
        : {
            cause: `Process ${pid} is in a user namespace that is not yours.`,
            fix: 'Limits of its processes are for their owner to change.',
          }),
    });
  }
}

/** How far a process may raise each of its limits, by name; Infinity for no limit. */
export function hardLimits(process: ProcessIdentity): Map<string, number> {
  return new Map(
    rlimitKnobs.flatMap(({ name }) => {
      const hard = limitOf(process, name)?.hard;
      return hard === undefined ? [] : [[name, hard === unlimited ? Infinity : Number(hard)] as const];
    }),
  );
}

import { ErrorCode, knobOf, type LimitChange, terrariumError } from '../protocol/index.js';
import { memoryAndSwap } from './controlFiles.js';
import { doctorLineOf } from './doctorLines.js';
import { isLimitFile, knobFiles } from './knobFiles.js';
import { type HeldLimit, limitNumber, periodOf } from './reading.js';
import { allowance, checkValue } from './values.js';

/** What a cgroup holds before a change, by the name of the knob. Absent: it has no such file. */
export type HeldLimits = ReadonlyMap<string, HeldLimit>;

/** A write to a cgroup that is there. */
export interface ChangeWrite {
  /** The knob it is for. */
  name: string;
  /** In its controller's folder. */
  file: string;
  data: string;
  /** Takes away: memory has to be reclaimed before. */
  tightens: boolean;
}

/** The knobs whose files must be read to plan these changes, beside their own: those that the kernel holds against them. */
export function knobsToRead(changes: readonly LimitChange[]): string[] {
  const names = new Set(changes.map(({ name }) => name));
  for (const name of [...names]) for (const other of related[name] ?? []) names.add(other);
  return [...names];
}

const related: Readonly<Record<string, readonly string[]>> = {
  'memory.max': ['memory.swap.max'],
  'memory.swap.max': ['memory.max'],
  'cpu.max': ['cpu.max.burst'],
  'cpu.max.burst': ['cpu.max'],
  'cpu.weight': ['cpu.idle'],
  'cpu.idle': ['cpu.weight'],
};

/**
 * The writes for changes of a cgroup, in an order that never is tighter than the old and the new state, nor one that the
 * kernel refuses: on v1 memory.memsw (the sum) is never below memory.limit, and cpu.max.burst never above the quota. Pure.
 * Throws `Invalid` for nonsense, `Unavailable` for what this cgroup has no file for.
 */
export function changeWrites(version: 1 | 2, held: HeldLimits, changes: readonly LimitChange[]): ChangeWrite[] {
  const wanted = new Map<string, string>();
  for (const { name, value } of changes) {
    if (!isLimitFile(name)) throw noLimit(name);
    wanted.set(name, checkValue(knobOf(name), value, periodOf(held.get('cpu.max')?.value)));
    if (!held.has(name)) throw noSuchKnob(version, name);
  }
  checkTogether(held, wanted);
  const groups = inListedOrder([...wanted.keys()]).flatMap((name) => knobWrites(version, held, wanted, name));
  // Stable: what is listed first is given first and taken last, so the sum of memory and swap moves outside of memory's.
  const rank = ({ direction }: WriteGroup) => (direction === 'loosens' ? 0 : direction === 'neither' ? 1 : 2);
  const first = groups.filter((group) => rank(group) < 2).sort((a, b) => rank(a) - rank(b));
  const last = groups.filter((group) => rank(group) === 2).reverse();
  return [...first, ...last].flatMap(({ writes }) => writes);
}

interface WriteGroup {
  direction: 'loosens' | 'neither' | 'tightens';
  writes: ChangeWrite[];
}

/** Knobs that others must follow when they give, and precede when they take. */
const outermost = ['memory.swap.max', 'cpu.max', 'cpu.idle'];

function inListedOrder(names: readonly string[]): string[] {
  return [...outermost.filter((name) => names.includes(name)), ...names.filter((name) => !outermost.includes(name))];
}

function knobWrites(version: 1 | 2, held: HeldLimits, wanted: ReadonlyMap<string, string>, name: string): WriteGroup[] {
  const before = held.get(name);
  const value = wanted.get(name);
  if (before === undefined || value === undefined) return [];
  if (name === 'cpu.max.burst' && wanted.has('cpu.max')) return [];
  if (name === 'cpu.max' && wanted.has('cpu.max.burst')) return [quotaAndBurst(held, wanted, before, value)];
  if (version === 1 && (name === 'memory.max' || name === 'memory.swap.max')) {
    const sum = name === 'memory.swap.max' || !wanted.has('memory.swap.max') ? v1Sum(held, wanted) : [];
    return name === 'memory.swap.max' ? sum : [...sum, group(name, before.value, value, before)];
  }
  return [group(name, before.value, value, before)];
}

function group(name: string, before: string, after: string, held: HeldLimit, encoded = after): WriteGroup {
  const knob = knobOf(name);
  const [old, next] = [allowance(knob, before), allowance(knob, after)];
  const direction =
    old === undefined || next === undefined || old === next ? 'neither' : next > old ? 'loosens' : 'tightens';
  const writes = held.form.encode(encoded, held.contents);
  return { direction, writes: writes.map((write) => ({ name, ...write, tightens: direction === 'tightens' })) };
}

/** The burst is held against the quota in microseconds, while more and less is a matter of cores: their order is their own. */
function quotaAndBurst(
  held: HeldLimits,
  wanted: ReadonlyMap<string, string>,
  before: HeldLimit,
  value: string,
): WriteGroup {
  const quota = group('cpu.max', before.value, value, before);
  const burstHeld = held.get('cpu.max.burst');
  const burst = wanted.get('cpu.max.burst');
  if (burstHeld === undefined || burst === undefined) return quota;
  const { writes } = group('cpu.max.burst', burstHeld.value, burst, burstHeld);
  const microseconds = (text: string) => limitNumber(text.split(' ')[0] ?? 'max');
  const [old, next] = [microseconds(before.value), microseconds(value)];
  const grows = next === 'max' || (old !== 'max' && next >= old);
  return { ...quota, writes: grows ? [...quota.writes, ...writes] : [...writes, ...quota.writes] };
}

/** Swap alone is what people set, so v1's sum moves along with memory; without a memory limit there is no sum to hold. */
function v1Sum(held: HeldLimits, wanted: ReadonlyMap<string, string>): WriteGroup[] {
  const name = 'memory.swap.max';
  const swapHeld = held.get(name);
  if (swapHeld === undefined) return [];
  const memoryBefore = held.get('memory.max')?.value ?? 'max';
  const memory = wanted.get('memory.max') ?? memoryBefore;
  const swap = wanted.get(name) ?? (memory === 'max' ? 'max' : swapHeld.value);
  const before = sumOf(memoryBefore, swapHeld.value);
  const after = swap === 'max' ? 'max' : String(memoryAndSwap(memory, swap));
  if (after === before && !wanted.has(name)) return [];
  return [group(name, before, after, swapHeld)];
}

function sumOf(memory: string, swap: string): string {
  return memory === 'max' || swap === 'max' ? 'max' : String(Number(memory) + Number(swap));
}

/** What the kernel refuses although each value by itself is fine. Sources: kernel/sched/core.c, tg_set_cfs_bandwidth, sched_group_set_shares. */
function checkTogether(held: HeldLimits, wanted: ReadonlyMap<string, string>): void {
  const after = (name: string) => wanted.get(name) ?? held.get(name)?.value;
  const [quota = 'max'] = (after('cpu.max') ?? '').split(' ');
  const burst = Number(after('cpu.max.burst') ?? 0);
  if ((wanted.has('cpu.max') || wanted.has('cpu.max.burst')) && quota !== 'max' && burst > Number(quota)) {
    throw terrariumError(ErrorCode.Invalid, `cpu.max.burst (${burst}) would be above the quota of cpu.max (${quota})`, {
      cause: 'No more CPU time can be saved up than the quota of one period.',
      fix: `Set cpu.max.burst to ${quota} or less in the same go, or a larger quota.`,
    });
  }
  if (wanted.has('cpu.weight') && after('cpu.idle') === '1' && held.get('cpu.idle')?.value === '1') {
    throw terrariumError(ErrorCode.Invalid, 'cpu.weight counts for nothing while cpu.idle is 1', {
      cause: 'The kernel refuses a weight for a group that only runs on idle CPUs.',
      fix: 'Set cpu.idle to 0 in the same go.',
    });
  }
}

function noLimit(name: string): Error {
  return terrariumError(ErrorCode.Invalid, `${JSON.stringify(name)} is not the name of a limit`, {
    fix: 'Use the plain name of a limit, for instance memory.high or io.max.',
  });
}

function noSuchKnob(version: 1 | 2, name: string): Error {
  const { controller, only } = knobOf(name);
  if (knobFiles(version, name).length === 0) {
    const other = only ?? (version === 1 ? 2 : 1);
    return terrariumError(ErrorCode.Unavailable, `${name} cannot be limited on this machine`, {
      cause: `Only cgroup v${other} has it, and this group is in cgroup v${version}.`,
      fix: 'Leave it out.',
    });
  }
  if (name === 'memory.swap.max') {
    return terrariumError(ErrorCode.Unavailable, 'memory.swap.max cannot be limited on this machine', {
      cause: 'The kernel does not account for swap, or the controller memory is not enabled for this group.',
      fix: 'Boot with the kernel parameter swapaccount=1.',
      doctor: 'cgroup-memory',
    });
  }
  return terrariumError(ErrorCode.Unavailable, `${name} cannot be limited on this machine`, {
    cause: `The group has no such file: the controller ${controller} is not enabled for it, or the kernel does not have it.`,
    fix: `Have ${controller} delegated (the doctor says how), then restart the container.`,
    doctor: doctorLineOf(controller),
  });
}

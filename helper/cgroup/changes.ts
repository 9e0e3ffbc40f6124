import type { LimitChange, LimitName, LimitValue } from '../protocol/index.js';
import { memoryAndSwap } from './controlFiles.js';
import { limitFile } from './reading.js';
import { weightOf } from './resources.js';
import { coresToQuota, defaultPeriod, weightToShares } from './units.js';

/** What a running container's cgroup holds before a change. Absent: no such file. */
export interface CurrentLimits {
  values: Partial<Record<LimitName, LimitValue>>;
  /** Microseconds. */
  period?: number;
}

/** A write to a running cgroup. */
export interface ChangeWrite {
  /** The limit it is for. */
  name: LimitName;
  file: string;
  data: string;
  /** Gives more than before: such writes go first, so that no moment is tighter than both before and after. */
  loosens: boolean;
}

const infinite = (value: LimitValue): number => (value === 'max' ? Number.POSITIVE_INFINITY : value);

/**
 * The writes for changes of a running container, in an order that is never tighter than the old or the new state, and that
 * on v1 never has memory.memsw (the sum) below memory.limit. Pure. Changes are taken as checked (`checkChange`).
 * Throws `Unavailable` when only swap is to be limited on v1.
 */
export function changeWrites(version: 1 | 2, current: CurrentLimits, changes: readonly LimitChange[]): ChangeWrite[] {
  const writes = version === 2 ? v2ChangeWrites(current, changes) : v1ChangeWrites(current, changes);
  // Stable: among loosening ones memsw precedes memory, among tightening ones it follows.
  const loosening = writes.filter((write) => write.loosens);
  const tightening = writes.filter((write) => !write.loosens).reverse();
  return [...loosening, ...tightening];
}

function v2ChangeWrites(current: CurrentLimits, changes: readonly LimitChange[]): ChangeWrite[] {
  return changes.map(({ name, value }) => ({
    name,
    file: limitFile(2, name),
    data: v2Data(name, value, current.period),
    loosens: infinite(value) >= infinite(current.values[name] ?? 'max'),
  }));
}

function v2Data(name: LimitName, value: LimitValue, period: number | undefined): string {
  if (name === 'cpu.weight') return String(weightOf(value));
  if (name !== 'cpu.max') return String(value);
  const cpu = coresToQuota(value, period);
  return `${cpu.quota} ${cpu.period}`;
}

function v1ChangeWrites(current: CurrentLimits, changes: readonly LimitChange[]): ChangeWrite[] {
  const writes: ChangeWrite[] = [];
  const asked = new Map(changes.map(({ name, value }) => [name, value]));
  const add = (name: LimitName, data: LimitValue, value: LimitValue, before: LimitValue | undefined): void => {
    writes.push({
      name,
      file: limitFile(1, name),
      data: data === 'max' && name !== 'pids.max' ? '-1' : String(data),
      loosens: infinite(value) >= infinite(before ?? 'max'),
    });
  };
  if (asked.has('memory.max') || asked.has('memory.swap.max')) {
    const before = { memory: current.values['memory.max'] ?? 'max', swap: current.values['memory.swap.max'] };
    const memory = asked.get('memory.max') ?? before.memory;
    // Swap alone is what people set, so the sum moves along with memory; without a memory limit there is no sum to hold.
    const swap = asked.get('memory.swap.max') ?? (memory === 'max' ? 'max' : before.swap);
    const sum = swap === undefined || swap === 'max' ? 'max' : memoryAndSwap(memory, swap);
    const sumBefore = before.swap === undefined ? 'max' : sumOf(before.memory, before.swap);
    if (sum !== sumBefore || asked.has('memory.swap.max')) add('memory.swap.max', sum, sum, sumBefore);
    if (asked.has('memory.max')) add('memory.max', memory, memory, before.memory);
  }
  const cores = asked.get('cpu.max');
  if (cores !== undefined) {
    add('cpu.max', coresToQuota(cores, current.period ?? defaultPeriod).quota, cores, current.values['cpu.max']);
  }
  const weight = asked.get('cpu.weight');
  if (weight !== undefined) {
    add('cpu.weight', weightToShares(weightOf(weight)), weightOf(weight), current.values['cpu.weight']);
  }
  const pids = asked.get('pids.max');
  if (pids !== undefined) add('pids.max', pids, pids, current.values['pids.max']);
  return writes;
}

function sumOf(memory: LimitValue, swap: LimitValue): LimitValue {
  return memory === 'max' || swap === 'max' ? 'max' : memory + swap;
}

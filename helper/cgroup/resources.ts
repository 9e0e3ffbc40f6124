import {
  ErrorCode,
  type LimitChange,
  type LimitName,
  type LimitValue,
  limitNames,
  type oci,
  terrariumError,
} from '../protocol/index.js';
import {
  type CpuQuota,
  coresToQuota,
  defaultPeriod,
  minimumQuota,
  parseCpuMax,
  parseLimit,
  quotaToCores,
  sharesToWeight,
  weightToShares,
} from './units.js';

/** What a container may use, in cgroup v2's terms whatever the machine has. Absent: left as the kernel has it. */
export interface Limits {
  /** Bytes. */
  memory?: LimitValue;
  /** Bytes of swap alone. */
  swap?: LimitValue;
  /** Bytes the kernel spares while it can reclaim elsewhere. */
  reservation?: number;
  cpu?: CpuQuota;
  /** 2 to 262144, as OCI and v1 have it: finer than the weights of v2, so nothing is lost. */
  shares?: number;
  /** Count. */
  pids?: LimitValue;
  cpus?: string;
  mems?: string;
  /** Other files of cgroup v2, verbatim. */
  others: Record<string, string>;
}

/** Bytes. Less holds no process at all: its page tables and stack in the kernel alone come near to it. */
const minimumMemory = 512 * 1024;

/**
 * The limits an OCI configuration asks for. 0 counts as not given and -1 as no limit, as in the specification's other
 * runtimes; `unified` is the more specific word and wins.
 * Throws `Invalid` for values that make no sense.
 */
export function limitsOf(resources: oci.Resources | undefined): Limits {
  const limits: Limits = { others: {} };
  const { memory, cpu, pids, unified } = resources ?? {};
  if (memory?.limit) limits.memory = unlessNegative('memory.limit', memory.limit);
  if (memory?.swap) limits.swap = swapAlone(memory.swap, limits.memory);
  if (memory?.reservation) limits.reservation = memory.reservation;
  if (cpu?.quota) {
    limits.cpu = { quota: unlessNegative('cpu.quota', cpu.quota), period: cpu.period || defaultPeriod };
  }
  if (cpu?.shares) limits.shares = cpu.shares;
  if (cpu?.cpus) limits.cpus = cpu.cpus;
  if (cpu?.mems) limits.mems = cpu.mems;
  if (pids !== undefined) limits.pids = pids.limit > 0 ? pids.limit : 'max';
  for (const [file, text] of Object.entries(unified ?? {})) applyUnified(limits, file, text.trim());
  for (const name of limitNames) {
    const value = limitValue(limits, name);
    if (value !== undefined) checkChange({ name, value }, limits.cpu?.period);
  }
  return limits;
}

/** OCI's `memory.swap` is memory and swap together, as v1 has it. */
function swapAlone(total: number, memory: LimitValue | undefined): LimitValue {
  if (total < 0) return 'max';
  if (memory === undefined || memory === 'max') {
    throw terrariumError(ErrorCode.Invalid, 'memory.swap is given without memory.limit', {
      cause: 'memory.swap is the sum of memory and swap, so it means nothing without memory.limit.',
      fix: 'Set memory.limit too, or use unified["memory.swap.max"], which counts swap alone.',
    });
  }
  if (total < memory) {
    throw terrariumError(ErrorCode.Invalid, `memory.swap (${total}) is less than memory.limit (${memory})`, {
      cause: 'memory.swap is the sum of memory and swap.',
      fix: `Set it to at least ${memory} (no swap), or to -1 (no limit).`,
    });
  }
  return total - memory;
}

function unlessNegative(name: string, value: number): LimitValue {
  if (value === -1) return 'max';
  if (value < 0) throw invalid(name, value, 'Only -1, which means no limit, may be negative.');
  return value;
}

function applyUnified(limits: Limits, file: string, text: string): void {
  switch (file) {
    case 'memory.max':
      limits.memory = parseLimit(text);
      return;
    case 'memory.swap.max':
      limits.swap = parseLimit(text);
      return;
    case 'cpu.max':
      limits.cpu = parseCpuMax(text);
      return;
    case 'cpu.weight':
      checkChange({ name: 'cpu.weight', value: Number(text) });
      limits.shares = weightToShares(Number(text));
      return;
    case 'pids.max':
      limits.pids = parseLimit(text);
      return;
  }
  // A name with a slash would reach another cgroup; cgroup.procs and its like would move processes instead of limiting.
  if (!/^[a-z0-9_]+(\.[a-z0-9_]+)+$/.test(file) || (file.startsWith('cgroup.') && !file.startsWith('cgroup.max.'))) {
    throw terrariumError(ErrorCode.Invalid, `unified["${file}"] is not a limit of cgroup v2`, {
      fix: 'Use the plain name of a limit, for instance "memory.high" or "io.max".',
    });
  }
  limits.others[file] = text;
}

/** The value of one of the limits that can be edited; `cpu.max` in cores. */
export function limitValue(limits: Limits, name: LimitName): LimitValue | undefined {
  switch (name) {
    case 'memory.max':
      return limits.memory;
    case 'memory.swap.max':
      return limits.swap;
    case 'cpu.max':
      return limits.cpu === undefined ? undefined : quotaToCores(limits.cpu);
    case 'cpu.weight':
      return limits.shares === undefined ? undefined : sharesToWeight(limits.shares);
    case 'pids.max':
      return limits.pids;
  }
}

/** Throws `Invalid`, saying what would be right, for a value that no kernel takes or that no process could live with. */
export function checkChange({ name, value }: LimitChange, period: number = defaultPeriod): void {
  if (name === 'cpu.weight') {
    // `max` clears: back to the default weight.
    if (value !== 'max' && !(Number.isInteger(value) && value >= 1 && value <= 10_000)) {
      throw invalid(name, value, 'A weight is a whole number from 1 to 10000; 100 is the default.');
    }
    return;
  }
  if (value === 'max') return;
  if (name === 'cpu.max') {
    const least = minimumQuota / period;
    if (!Number.isFinite(value) || Math.round(value * period) < minimumQuota) {
      throw invalid(name, value, `The kernel takes ${least} cores (${least * 100} % of one) and more, or max.`);
    }
    return;
  }
  if (!Number.isSafeInteger(value) || value < 0) throw invalid(name, value, 'It is a whole number, or max.');
  if (name === 'memory.max' && value < minimumMemory) {
    throw invalid(name, value, `Nothing can run in less than ${minimumMemory / 1024} KiB.`);
  }
  if (name === 'pids.max' && value < 1) throw invalid(name, value, 'At least one process must be allowed.');
}

function invalid(name: string, value: LimitValue, fix: string): Error {
  return terrariumError(ErrorCode.Invalid, `${value} is no value for ${name}`, { fix });
}

/** `max` for a weight means the default one. */
export function weightOf(value: LimitValue): number {
  return value === 'max' ? 100 : value;
}

/**
 * The resources with changes applied, for the next start of a container. What stands in `unified` under the changed
 * name is taken out, so that the change is not overruled. Throws `Invalid` as `checkChange` does.
 */
export function applyChanges(resources: oci.Resources, changes: readonly LimitChange[]): oci.Resources {
  const limits = limitsOf(resources);
  const period = limits.cpu?.period;
  for (const change of changes) {
    checkChange(change, period);
    switch (change.name) {
      case 'memory.max':
        limits.memory = change.value;
        break;
      case 'memory.swap.max':
        limits.swap = change.value;
        break;
      case 'cpu.max':
        limits.cpu = coresToQuota(change.value, period);
        break;
      case 'cpu.weight':
        limits.shares = weightToShares(weightOf(change.value));
        break;
      case 'pids.max':
        limits.pids = change.value;
        break;
    }
  }
  return resourcesOf(limits);
}

/** The inverse of `limitsOf`. Swap beside unlimited memory has no OCI field and goes into `unified`. */
export function resourcesOf(limits: Limits): oci.Resources {
  const number = (value: LimitValue): number => (value === 'max' ? -1 : value);
  const memory: NonNullable<oci.Resources['memory']> = {};
  const cpu: NonNullable<oci.Resources['cpu']> = {};
  const unified = { ...limits.others };
  if (limits.memory !== undefined) memory.limit = number(limits.memory);
  if (limits.reservation !== undefined) memory.reservation = limits.reservation;
  if (limits.swap === 'max') memory.swap = -1;
  else if (limits.swap !== undefined) {
    if (limits.memory === undefined || limits.memory === 'max') unified['memory.swap.max'] = String(limits.swap);
    else memory.swap = limits.memory + limits.swap;
  }
  if (limits.cpu !== undefined) {
    cpu.quota = number(limits.cpu.quota);
    cpu.period = limits.cpu.period;
  }
  if (limits.shares !== undefined) cpu.shares = limits.shares;
  if (limits.cpus !== undefined) cpu.cpus = limits.cpus;
  if (limits.mems !== undefined) cpu.mems = limits.mems;
  return {
    ...(isEmpty(memory) ? {} : { memory }),
    ...(isEmpty(cpu) ? {} : { cpu }),
    ...(limits.pids === undefined ? {} : { pids: { limit: number(limits.pids) } }),
    ...(isEmpty(unified) ? {} : { unified }),
  };
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}

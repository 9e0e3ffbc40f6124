import { ErrorCode, knobOf, type LimitChange, type oci, terrariumError } from '../protocol/index.js';
import { blockIoOf, limitsOfBlockIo } from './blockIo.js';
import { isLimitFile } from './knobFiles.js';
import { periodOf } from './reading.js';
import { defaultPeriod, sharesToWeight, weightToShares } from './units.js';
import { checkValue } from './values.js';

/** What a container may use. */
export interface Limits {
  /** By the name of a knob, in the text of its kind: cgroup v2's whatever the machine has. Absent: as the kernel has it. */
  values: Map<string, string>;
  /** 2 to 262144, as OCI and v1 have it: finer than the weights of v2. Beside cpu.weight, never alone. */
  shares?: number;
  /** Out of memory, wait instead of kill. v1 only. */
  disableOOMKiller?: boolean;
}

/**
 * The limits an OCI configuration asks for. 0 counts as not given and -1 as no limit, as in the specification's other
 * runtimes; `unified` is the more specific word and wins.
 * Throws `Invalid` for values that make no sense.
 */
export function limitsOf(resources: oci.Resources | undefined): Limits {
  const limits: Limits = { values: new Map() };
  const { memory, cpu, pids, blockIO, hugepageLimits, rdma, unified } = resources ?? {};
  const set = (name: string, text: string | number | undefined): void => {
    if (text !== undefined) limits.values.set(name, checkValue(knobOf(name), String(text)));
  };
  memoryLimits(memory, set);
  if (memory?.disableOOMKiller === true) limits.disableOOMKiller = true;
  if (memory?.swap) set('memory.swap.max', swapAlone(memory.swap, limits.values.get('memory.max')));
  if (cpu?.quota || cpu?.period) {
    const quota = cpu.quota ? unlessNegative('cpu.quota', cpu.quota) : 'max';
    set('cpu.max', `${quota} ${cpu.period || defaultPeriod}`);
  }
  if (cpu?.burst) set('cpu.max.burst', cpu.burst);
  if (cpu?.shares) {
    limits.shares = cpu.shares;
    set('cpu.weight', sharesToWeight(cpu.shares));
  }
  if (cpu?.idle !== undefined) set('cpu.idle', cpu.idle);
  if (cpu?.cpus) set('cpuset.cpus', cpu.cpus);
  if (cpu?.mems) set('cpuset.mems', cpu.mems);
  if (pids !== undefined) set('pids.max', pids.limit > 0 ? pids.limit : 'max');
  for (const [name, value] of limitsOfBlockIo(blockIO)) set(name, value);
  for (const { pageSize, limit } of hugepageLimits ?? []) set(`hugetlb.${pageSize}.max`, limit);
  if (rdma !== undefined) set('rdma.max', rdmaText(rdma));
  for (const [file, text] of Object.entries(unified ?? {})) {
    checkUnifiedName(file);
    const value = text.trim();
    // Of the new word alone, so that an old one in another field does not overrule it.
    if (file === 'cpu.weight') delete limits.shares;
    set(file, value);
  }
  return limits;
}

type Setter = (name: string, text: string | number | undefined) => void;

function memoryLimits(memory: oci.Resources['memory'], set: Setter): void {
  if (memory?.limit) set('memory.max', unlessNegative('memory.limit', memory.limit));
  if (memory?.reservation) set('memory.low', unlessNegative('memory.reservation', memory.reservation));
  if (memory?.kernel) set('memory.kmem.limit_in_bytes', unlessNegative('memory.kernel', memory.kernel));
  set('memory.swappiness', memory?.swappiness);
}

/** OCI's `memory.swap` is memory and swap together, as v1 has it. */
function swapAlone(total: number, memory: string | undefined): string {
  if (total < 0) return 'max';
  if (memory === undefined || memory === 'max') {
    throw terrariumError(ErrorCode.Invalid, 'memory.swap is given without memory.limit', {
      cause: 'memory.swap is the sum of memory and swap, so it means nothing without memory.limit.',
      fix: 'Set memory.limit too, or use unified["memory.swap.max"], which counts swap alone.',
    });
  }
  if (total < Number(memory)) {
    throw terrariumError(ErrorCode.Invalid, `memory.swap (${total}) is less than memory.limit (${memory})`, {
      cause: 'memory.swap is the sum of memory and swap.',
      fix: `Set it to at least ${memory} (no swap), or to -1 (no limit).`,
    });
  }
  return String(total - Number(memory));
}

function unlessNegative(name: string, value: number): string {
  if (value === -1) return 'max';
  if (value >= 0) return String(value);
  throw terrariumError(ErrorCode.Invalid, `${value} is no value for ${name}`, {
    fix: 'Only -1, which means no limit, may be negative.',
  });
}

/** Throws `Invalid`. */
function checkUnifiedName(file: string): void {
  if (isLimitFile(file)) return;
  throw terrariumError(ErrorCode.Invalid, `unified["${file}"] is not a limit of cgroup v2`, {
    fix: 'Use the plain name of a limit, for instance "memory.high" or "io.max".',
  });
}

function rdmaText(rdma: NonNullable<oci.Resources['rdma']>): string {
  const lines = Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) => {
    const values = [
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ];
    return [device, ...values].join(' ');
  });
  return lines.join('\n');
}

/**
 * The resources with changes applied, for the next start. What stands in `unified` under the changed name is taken out, so
 * that the change is not overruled. A limit that is cleared is left out: a new cgroup has none.
 * Throws `Invalid` for nonsense. Knobs of rlimits are not for here.
 */
export function applyChanges(resources: oci.Resources, changes: readonly LimitChange[]): oci.Resources {
  const limits = limitsOf(resources);
  for (const { name, value } of changes) {
    const knob = knobOf(name);
    if (knob.kind === 'text') checkUnifiedName(name);
    const text = checkValue(knob, value, periodOf(limits.values.get('cpu.max')));
    if (name === 'cpu.weight') delete limits.shares;
    if (text === knob.cleared) limits.values.delete(name);
    else limits.values.set(name, text);
  }
  return resourcesOf(limits);
}

/** The inverse of `limitsOf`: what has a field of OCI's goes there, anything else into `unified`. */
export function resourcesOf(limits: Limits): oci.Resources {
  const left = new Map(limits.values);
  const take = (name: string): string | undefined => {
    const value = left.get(name);
    left.delete(name);
    return value;
  };
  const number = (value: string | undefined): number | undefined =>
    value === undefined ? undefined : value === 'max' ? -1 : Number(value);
  const memoryMax = take('memory.max');
  const memory = defined({
    limit: number(memoryMax),
    // Swap beside unlimited memory has no field.
    swap:
      left.get('memory.swap.max') === 'max' || (memoryMax ?? 'max') !== 'max' ? swapField(memoryMax, take) : undefined,
    reservation: number(left.get('memory.low') === 'max' ? undefined : take('memory.low')),
    kernel: number(take('memory.kmem.limit_in_bytes')),
    swappiness: number(take('memory.swappiness')),
    disableOOMKiller: limits.disableOOMKiller,
  });
  const [quota, period] = take('cpu.max')?.split(' ') ?? [];
  const weight = take('cpu.weight');
  const cpu = defined({
    shares: limits.shares ?? (weight === undefined ? undefined : weightToShares(Number(weight))),
    quota: number(quota),
    period: number(period),
    burst: number(take('cpu.max.burst')),
    cpus: take('cpuset.cpus'),
    mems: take('cpuset.mems'),
    idle: number(take('cpu.idle')),
  });
  const pids = number(take('pids.max'));
  const blockIO = blockIoOf(take('io.max'), left.get('io.weight'));
  if (blockIO?.weight !== undefined || blockIO?.weightDevice !== undefined) left.delete('io.weight');
  const hugepageLimits = [...left.keys()].flatMap((name) => {
    const size = /^hugetlb\.(\w+)\.max$/.exec(name)?.[1];
    const limit = size === undefined || left.get(name) === 'max' ? undefined : number(take(name));
    return size === undefined || limit === undefined ? [] : [{ pageSize: size, limit }];
  });
  const rdma = rdmaFields(left.get('rdma.max'));
  if (rdma !== undefined) left.delete('rdma.max');
  return defined({
    memory: unlessEmpty(memory),
    cpu: unlessEmpty(cpu),
    pids: pids === undefined ? undefined : { limit: pids },
    blockIO,
    hugepageLimits: hugepageLimits.length === 0 ? undefined : hugepageLimits,
    rdma,
    unified: unlessEmpty(Object.fromEntries(left)),
  });
}

function swapField(memory: string | undefined, take: (name: string) => string | undefined): number | undefined {
  const swap = take('memory.swap.max');
  if (swap === undefined) return undefined;
  return swap === 'max' ? -1 : Number(memory) + Number(swap);
}

/** Undefined when there is none, or when it says more than OCI has fields for. */
function rdmaFields(text: string | undefined): oci.Resources['rdma'] {
  if (text === undefined) return undefined;
  const fields: NonNullable<oci.Resources['rdma']> = {};
  for (const line of text.split('\n')) {
    const match = /^(\S+)(?: hca_handle=(\d+))?(?: hca_object=(\d+))?$/.exec(line.trim());
    if (match === null) return undefined;
    const [, device = '', handles, objects] = match;
    fields[device] = defined({
      hcaHandles: handles === undefined ? undefined : Number(handles),
      hcaObjects: objects === undefined ? undefined : Number(objects),
    });
  }
  return fields;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the properties that are undefined. */
function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function unlessEmpty<T extends object>(object: T): T | undefined {
  return Object.keys(object).length === 0 ? undefined : object;
}

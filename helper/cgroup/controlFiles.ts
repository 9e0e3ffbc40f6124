import { ErrorCode, terrariumError } from '../protocol/index.js';
import type { Limits } from './resources.js';
import { sharesToWeight } from './units.js';

/** One write(2) to a file of a controller. */
export interface ControlWrite {
  controller: string;
  file: string;
  data: string;
}

/** Writes for a new cgroup v2, where every limit is still `max`. */
export function v2Writes(limits: Limits): ControlWrite[] {
  const writes: ControlWrite[] = [];
  const add = (file: string, data: string | number | undefined): void => {
    if (data !== undefined) writes.push({ controller: file.split('.', 1)[0] ?? file, file, data: String(data) });
  };
  add('memory.max', limits.memory);
  add('memory.swap.max', limits.swap);
  add('memory.low', limits.reservation);
  if (limits.cpu !== undefined) add('cpu.max', `${limits.cpu.quota} ${limits.cpu.period}`);
  if (limits.shares !== undefined) add('cpu.weight', sharesToWeight(limits.shares));
  add('pids.max', limits.pids);
  add('cpuset.cpus', limits.cpus);
  add('cpuset.mems', limits.mems);
  for (const [file, data] of Object.entries(limits.others)) add(file, data);
  return writes;
}

/**
 * Writes for a new cgroup of v1, where every limit is still unlimited. memory.memsw.limit_in_bytes, the sum, may never be
 * below memory.limit_in_bytes: so the latter comes first here.
 * Throws `Unavailable` for what v1 does not have.
 */
export function v1Writes(limits: Limits): ControlWrite[] {
  const writes: ControlWrite[] = [];
  const add = (controller: string, file: string, data: string | number): void => {
    writes.push({ controller, file, data: String(data) });
  };
  const { memory, swap, cpu } = limits;
  if (memory !== undefined) add('memory', 'memory.limit_in_bytes', memory === 'max' ? -1 : memory);
  // Unlimited is what a new cgroup has, and without swap accounting the file is missing: write it only when it says something.
  if (swap !== undefined && swap !== 'max') add('memory', 'memory.memsw.limit_in_bytes', memoryAndSwap(memory, swap));
  if (limits.reservation !== undefined) add('memory', 'memory.soft_limit_in_bytes', limits.reservation);
  if (cpu !== undefined) {
    add('cpu', 'cpu.cfs_period_us', cpu.period);
    add('cpu', 'cpu.cfs_quota_us', cpu.quota === 'max' ? -1 : cpu.quota);
  }
  if (limits.shares !== undefined) add('cpu', 'cpu.shares', limits.shares);
  if (limits.pids !== undefined) add('pids', 'pids.max', limits.pids);
  const foreign = [
    ...Object.keys(limits.others),
    ...(limits.cpus === undefined ? [] : ['cpuset.cpus']),
    ...(limits.mems === undefined ? [] : ['cpuset.mems']),
  ];
  if (foreign.length > 0) {
    throw terrariumError(ErrorCode.Unavailable, `${foreign.join(', ')} cannot be set on this machine`, {
      cause: 'Terrarium sets these with cgroup v2 only, and this machine has its controllers in cgroup v1.',
      fix: 'Leave them out, or boot with the kernel parameter systemd.unified_cgroup_hierarchy=1.',
    });
  }
  return writes;
}

/** v1 limits memory and swap together. Throws `Unavailable` when only swap is to be limited. */
export function memoryAndSwap(memory: Limits['memory'], swap: number): number {
  if (memory === undefined || memory === 'max') {
    throw terrariumError(ErrorCode.Unavailable, 'Swap cannot be limited alone on this machine', {
      cause: 'cgroup v1 limits the sum of memory and swap.',
      fix: 'Set memory.max too, or leave memory.swap.max at max.',
    });
  }
  return memory + swap;
}

import type { LimitNumber } from '../protocol/index.js';

/** Microseconds; the kernel's default period of cpu.max and of cpu.cfs_period_us. */
export const defaultPeriod = 100_000;
/** Microseconds; the kernel refuses a smaller quota (EINVAL). Source: kernel/sched/core.c, min_cfs_quota_period. */
export const minimumQuota = 1_000;

/** v1 shows "no limit" as the largest multiple of the page size below 2^63. */
const unlimitedFrom = 2 ** 62;

/** A limit as the kernel prints it: a number, `max` (v2), -1 or a number near 2^63 (v1). */
export function parseLimit(text: string): LimitNumber {
  const value = Number(text);
  return text === 'max' || value < 0 || value >= unlimitedFrom ? 'max' : value;
}

export interface CpuQuota {
  /** Microseconds of CPU time per period. */
  quota: LimitNumber;
  /** Microseconds. */
  period: number;
}

/** The content of v2's cpu.max. */
export function parseCpuMax(text: string): CpuQuota {
  const [quota = 'max', period = String(defaultPeriod)] = text.split(' ');
  return { quota: parseLimit(quota), period: Number(period) };
}

/** 0.5 is half a core. */
export function quotaToCores(cpu: CpuQuota): LimitNumber {
  return cpu.quota === 'max' ? 'max' : cpu.quota / cpu.period;
}

const minimumShares = 2;
const maximumShares = 262_144;

/**
 * cpu.shares (v1 and OCI, 2 to 262144, default 1024) as cpu.weight (v2, 1 to 10000, default 100). The curve goes through
 * both ends and both defaults. Source: crun.1, "CPU controller"; runc has the same since 1.3.2.
 */
export function sharesToWeight(shares: number): number {
  if (shares <= minimumShares) return 1;
  if (shares >= maximumShares) return 10_000;
  const l = Math.log2(shares);
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}

/** The smallest shares whose weight is this one: a weight written as shares comes back as the same weight. */
export function weightToShares(weight: number): number {
  let low = minimumShares;
  let high = maximumShares;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (sharesToWeight(middle) >= weight) high = middle;
    else low = middle + 1;
  }
  // 1024 is what a v1 cgroup has unasked, and its weight is the default one.
  return sharesToWeight(1024) === weight ? 1024 : low;
}

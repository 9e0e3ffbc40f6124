import * as path from 'node:path';
import type { LimitName, LimitValue } from '../protocol/index.js';
import { readCgroupFile } from './file.js';
import { parseCpuMax, parseLimit, quotaToCores, sharesToWeight } from './units.js';

/** A limit as one cgroup holds it. */
export interface HeldLimit {
  /** In the protocol's units: bytes, cores, weight, count. */
  value: LimitValue;
  /** Verbatim; of v1's cpu.max quota and period with a space between, as v2 has it. */
  raw: string;
  /** The file's name, without its folder. */
  file: string;
}

/** The controller that holds a limit. */
export function controllerOf(name: LimitName): 'memory' | 'cpu' | 'pids' {
  return name.startsWith('memory') ? 'memory' : name.startsWith('cpu') ? 'cpu' : 'pids';
}

/** Name of the file behind a limit. */
export function limitFile(version: 1 | 2, name: LimitName): string {
  if (version === 2) return name;
  return {
    'memory.max': 'memory.limit_in_bytes',
    'memory.swap.max': 'memory.memsw.limit_in_bytes',
    'cpu.max': 'cpu.cfs_quota_us',
    'cpu.weight': 'cpu.shares',
    'pids.max': 'pids.max',
  }[name];
}

/**
 * Reads a limit in a cgroup's folder of the right hierarchy; undefined when the file is missing. v1's memory.memsw holds the
 * sum of memory and swap: the value is swap alone.
 */
export async function readHeldLimit(version: 1 | 2, name: LimitName, folder: string): Promise<HeldLimit | undefined> {
  const file = limitFile(version, name);
  const raw = await readCgroupFile(path.join(folder, file));
  if (raw === undefined) return undefined;
  if (name === 'cpu.max') {
    const text = version === 2 ? raw : `${raw} ${await readCgroupFile(path.join(folder, 'cpu.cfs_period_us'))}`;
    return { value: quotaToCores(parseCpuMax(text)), raw: text, file };
  }
  if (version === 1 && name === 'cpu.weight') return { value: sharesToWeight(Number(raw)), raw, file };
  if (version === 1 && name === 'memory.swap.max') {
    const memory = parseLimit((await readCgroupFile(path.join(folder, 'memory.limit_in_bytes'))) ?? 'max');
    const sum = parseLimit(raw);
    return { value: sum === 'max' || memory === 'max' ? sum : Math.max(0, sum - memory), raw, file };
  }
  return { value: parseLimit(raw), raw, file };
}

/** What of a limit is in use: bytes or a count; undefined for CPU, whose use is a rate (see statistics.ts). */
export async function readUsage(version: 1 | 2, name: LimitName, folder: string): Promise<number | undefined> {
  const number = async (file: string): Promise<number | undefined> => {
    const text = await readCgroupFile(path.join(folder, file));
    return text === undefined ? undefined : Number(text);
  };
  switch (name) {
    case 'memory.max':
      return number(version === 2 ? 'memory.current' : 'memory.usage_in_bytes');
    case 'memory.swap.max': {
      if (version === 2) return number('memory.swap.current');
      const [sum, memory] = await Promise.all([number('memory.memsw.usage_in_bytes'), number('memory.usage_in_bytes')]);
      // The two are read one after the other, so the difference may be a little off, even below zero.
      return sum === undefined || memory === undefined ? undefined : Math.max(0, sum - memory);
    }
    case 'pids.max':
      return number('pids.current');
    default:
      return undefined;
  }
}

/**
 * The tightest value along a cgroup's ancestors, and where it stands. The walk ends where the file is missing: above the
 * mount point, at the root of v2, or above what the cgroup namespace shows. A weight has no such thing.
 */
export async function tightestAncestor(
  version: 1 | 2,
  name: LimitName,
  folder: string,
): Promise<{ value: number; path: string } | undefined> {
  if (name === 'cpu.weight') return undefined;
  let tightest: { value: number; path: string } | undefined;
  for (let above = path.dirname(folder); above !== '/'; above = path.dirname(above)) {
    const held = await readHeldLimit(version, name, above);
    if (held === undefined) break;
    if (held.value !== 'max' && (tightest === undefined || held.value < tightest.value)) {
      tightest = { value: held.value, path: above };
    }
  }
  return tightest;
}

import { ErrorCode, knobOf, terrariumError } from '../protocol/index.js';
import { knobFiles } from './knobFiles.js';
import type { Limits } from './resources.js';

/** One write(2) to a file of a controller. */
export interface ControlWrite {
  controller: string;
  file: string;
  data: string;
}

/** What the kernel holds against another limit is written after that: the sum, the burst; the weight while the group is not idle yet. */
const followers: ReadonlyMap<string, string> = new Map([
  ['memory.max', 'memory.swap.max'],
  ['cpu.max', 'cpu.max.burst'],
  ['cpu.weight', 'cpu.idle'],
]);

function inOrder({ values }: Limits): [string, string][] {
  const follows = (name: string) =>
    [...followers].some(([leader, follower]) => follower === name && values.has(leader));
  const names = [...values.keys()].filter((name) => !follows(name));
  return names
    .flatMap((name) => [name, followers.get(name) ?? ''])
    .flatMap((name) => {
      const value = values.get(name);
      return value === undefined ? [] : [[name, value] as [string, string]];
    });
}

/** Writes for a new cgroup v2, where every limit is at its default. Throws `Unavailable` for what v2 does not have. */
export function v2Writes(limits: Limits): ControlWrite[] {
  if (limits.disableOOMKiller === true) throw onlyInOther(2, ['disableOOMKiller']);
  const foreign = [...limits.values.keys()].filter((name) => knobFiles(2, name).length === 0);
  if (foreign.length > 0) throw onlyInOther(2, foreign);
  return inOrder(limits).flatMap(([name, value]) => {
    const [form] = knobFiles(2, name);
    const controller = knobOf(name).controller;
    return form === undefined ? [] : form.encode(value).map((write) => ({ controller, ...write }));
  });
}

/**
 * Writes for a new cgroup of v1, where every limit is at its default. memory.memsw.limit_in_bytes, the sum, may never be
 * below memory.limit_in_bytes: so the latter comes first here.
 * Throws `Unavailable` for what v1 does not have.
 */
export function v1Writes(limits: Limits): ControlWrite[] {
  const foreign = [...limits.values.keys()].filter((name) => knobFiles(1, name).length === 0);
  if (foreign.length > 0) throw onlyInOther(1, foreign);
  const writes = inOrder(limits).flatMap(([name, value]): ControlWrite[] => {
    // Unlimited is what a new cgroup has, and without swap accounting the file is missing: write it only when it says something.
    if (name === 'memory.swap.max' && value === 'max') return [];
    const [form] = knobFiles(1, name);
    if (form === undefined) return [];
    const { controller } = form;
    // OCI's shares are finer than weights: nothing is lost on the way to where they come from.
    if (name === 'cpu.weight' && limits.shares !== undefined) {
      return [{ controller, file: 'cpu.shares', data: String(limits.shares) }];
    }
    const data = name === 'memory.swap.max' ? String(memoryAndSwap(limits.values.get('memory.max'), value)) : value;
    return form.encode(data).map((write) => ({ controller, ...write }));
  });
  if (limits.disableOOMKiller === true) writes.push({ controller: 'memory', file: 'memory.oom_control', data: '1' });
  return writes;
}

/** v1 limits memory and swap together: bytes of both. Throws `Unavailable` when only swap is to be limited. */
export function memoryAndSwap(memory: string | undefined, swap: string): number {
  if (memory === undefined || memory === 'max') {
    throw terrariumError(ErrorCode.Unavailable, 'Swap cannot be limited alone on this machine', {
      cause: 'cgroup v1 limits the sum of memory and swap.',
      fix: 'Set memory.max too, or leave memory.swap.max at max.',
    });
  }
  return Number(memory) + Number(swap);
}

function onlyInOther(version: 1 | 2, names: readonly string[]): Error {
  return terrariumError(ErrorCode.Unavailable, `${names.join(', ')} cannot be set on this machine`, {
    cause: `Only cgroup v${version === 1 ? 2 : 1} has them, and this machine has its controllers in cgroup v${version}.`,
    fix:
      version === 1
        ? 'Leave them out, or boot with the kernel parameter systemd.unified_cgroup_hierarchy=1.'
        : 'Leave them out.',
    doctor: 'cgroup',
  });
}

import * as path from 'node:path';
import { type Knob, knobOf } from '../protocol/index.js';
import { readCgroupFile } from './file.js';
import { readHeldLimit } from './reading.js';
import { allowance, formatIoMax, heldIoMax, type IoMax, ioKeys, notLimited, parseList } from './values.js';

export interface EffectiveLimit {
  value: string;
  /** The ancestor that sets it. */
  path: string;
}

/**
 * The tightest value along a cgroup's ancestors where that is tighter than its own, and the ancestor that sets it. The walk
 * ends where the file is missing: above the mount point, at the root of v2, or above what the cgroup namespace shows.
 * Weights, flags and texts have no such thing, nor has the soft limit of v1, which does not count for groups below.
 */
export async function effectiveLimit(
  version: 1 | 2,
  name: string,
  folder: string,
  own: string,
): Promise<EffectiveLimit | undefined> {
  const knob = knobOf(name);
  switch (knob.kind) {
    case 'bytes':
    case 'count':
    case 'cpuMax':
      if (version === 1 && name === 'memory.low') return undefined;
      return tightestNumber(version, knob, folder, own);
    case 'ioMax':
      return tightestIo(version, name, folder, own);
    case 'list':
      return tightestList(version, name, folder, own);
    default:
      return undefined;
  }
}

async function* ancestors(version: 1 | 2, name: string, folder: string): AsyncGenerator<EffectiveLimit> {
  for (let above = path.dirname(folder); above !== '/'; above = path.dirname(above)) {
    const held = await readHeldLimit(version, name, above);
    if (held === undefined) return;
    yield { value: held.value, path: above };
  }
}

async function tightestNumber(
  version: 1 | 2,
  knob: Knob,
  folder: string,
  own: string,
): Promise<EffectiveLimit | undefined> {
  let least = allowance(knob, own) ?? Infinity;
  let tightest: EffectiveLimit | undefined;
  for await (const above of ancestors(version, knob.name, folder)) {
    const allowed = allowance(knob, above.value) ?? Infinity;
    if (allowed >= least) continue;
    least = allowed;
    tightest = above;
  }
  return tightest;
}

/** By device and key; the path is that of the ancestor that came last to tighten something. */
async function tightestIo(
  version: 1 | 2,
  name: string,
  folder: string,
  own: string,
): Promise<EffectiveLimit | undefined> {
  const limits = heldIoMax(own);
  const tightened: IoMax = new Map();
  let from: string | undefined;
  for await (const above of ancestors(version, name, folder)) {
    for (const [device, limit] of heldIoMax(above.value)) {
      const known = limits.get(device) ?? { ...notLimited };
      if (!ioKeys.some((key) => limit[key] < known[key])) continue;
      for (const key of ioKeys) known[key] = Math.min(known[key], limit[key]);
      limits.set(device, known);
      tightened.set(device, known);
      from = above.path;
    }
  }
  return from === undefined ? undefined : { value: formatIoMax(tightened), path: from };
}

/** What the kernel itself says is left, when it is not what the group asks for, and the nearest ancestor that cuts. */
async function tightestList(
  version: 1 | 2,
  name: string,
  folder: string,
  own: string,
): Promise<EffectiveLimit | undefined> {
  const file = version === 2 ? `${name}.effective` : name.replace('cpuset.', 'cpuset.effective_');
  const left = await readCgroupFile(path.join(folder, file));
  if (left === undefined || left === '' || left === own) return undefined;
  for await (const above of ancestors(version, name, folder)) {
    if (above.value === '') continue;
    const allowed = new Set(parseList(name, above.value));
    const cuts = own === '' || parseList(name, own).some((index) => !allowed.has(index));
    if (cuts) return { value: left, path: above.path };
  }
  return undefined;
}

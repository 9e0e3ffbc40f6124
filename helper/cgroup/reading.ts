import * as path from 'node:path';
import { knobOf } from '../protocol/index.js';
import { readCgroupFile } from './file.js';
import { type KnobFiles, knobFiles } from './knobFiles.js';
import { parseLimit } from './units.js';

/** A knob as one cgroup holds it. */
export interface HeldLimit {
  /** In the text of the knob's kind. */
  value: string;
  /** Verbatim; of several files with a space between. */
  raw: string;
  /** The files' names, without their folder. */
  files: readonly string[];
  /** Of `form.files`, then of its context: what `form.encode` wants to know. */
  contents: readonly string[];
  form: KnobFiles;
}

/**
 * Reads a knob in a cgroup's folder of the right hierarchy; undefined when this version or this kernel has no such file. Of
 * v1's memory.memsw, the sum of memory and swap, the value is swap alone. Throws Node's errors.
 */
export async function readHeldLimit(version: 1 | 2, name: string, folder: string): Promise<HeldLimit | undefined> {
  for (const form of knobFiles(version, name)) {
    const names = [...form.files, ...(form.context ?? [])];
    const texts = await Promise.all(names.map((file) => readCgroupFile(path.join(folder, file))));
    if (texts[0] === undefined) continue;
    const contents = texts.map((text) => text ?? '');
    const raw = contents.slice(0, form.files.length).join(' ').trim();
    return { value: form.decode(contents), raw, files: form.files, contents, form };
  }
  return undefined;
}

/** The files that count what a knob limits, and their highest mark. Sources: cgroup-v2.rst, cgroup-v1/memory.rst. */
function counters(version: 1 | 2, name: string): { usage: string; peak?: string } | undefined {
  const size = /^hugetlb\.(\w+)\.(rsvd\.)?max$/.exec(name);
  if (size !== null) {
    const stem = `hugetlb.${size[1]}.${size[2] ?? ''}`;
    return version === 2
      ? { usage: `${stem}current` }
      : { usage: `${stem}usage_in_bytes`, peak: `${stem}max_usage_in_bytes` };
  }
  switch (name) {
    case 'memory.max':
      return version === 2
        ? { usage: 'memory.current', peak: 'memory.peak' }
        : { usage: 'memory.usage_in_bytes', peak: 'memory.max_usage_in_bytes' };
    case 'memory.high':
      return { usage: 'memory.current', peak: 'memory.peak' };
    case 'memory.swap.max':
      return version === 2 ? { usage: 'memory.swap.current', peak: 'memory.swap.peak' } : undefined;
    case 'memory.zswap.max':
      return { usage: 'memory.zswap.current' };
    case 'memory.kmem.limit_in_bytes':
      return { usage: 'memory.kmem.usage_in_bytes', peak: 'memory.kmem.max_usage_in_bytes' };
    case 'pids.max':
      return { usage: 'pids.current', peak: 'pids.peak' };
    default:
      return undefined;
  }
}

/** What of a limit is in use and was at most: bytes or a count. CPU time is a rate: see statistics.ts. */
export async function readUsage(
  version: 1 | 2,
  name: string,
  folder: string,
): Promise<{ usage?: number; peak?: number }> {
  const number = async (file: string | undefined): Promise<number | undefined> => {
    const text = file === undefined ? undefined : await readCgroupFile(path.join(folder, file));
    return text === undefined ? undefined : Number(text);
  };
  if (version === 1 && name === 'memory.swap.max') {
    const [sum, memory] = await Promise.all([number('memory.memsw.usage_in_bytes'), number('memory.usage_in_bytes')]);
    // The two are read one after the other, so the difference may be a little off, even below zero.
    return sum === undefined || memory === undefined ? {} : { usage: Math.max(0, sum - memory) };
  }
  const files = counters(version, name);
  const [usage, peak] = await Promise.all([number(files?.usage), number(files?.peak)]);
  return { ...(usage === undefined ? {} : { usage }), ...(peak === undefined ? {} : { peak }) };
}

/** A text such as `max` or `4096` as a number or `max`: of kinds that are one number. */
export function limitNumber(value: string): number | 'max' {
  return parseLimit(value);
}

/** Microseconds: the period of a cpu.max. */
export function periodOf(value: string | undefined): number | undefined {
  const period = value?.split(' ')[1];
  return period === undefined ? undefined : Number(period);
}

/** The name of a controller among `CgroupRecord.paths` of v1: block devices had another one there. */
export function controllerKey(version: 1 | 2, name: string): string {
  const { controller } = knobOf(name);
  return version === 1 && controller === 'io' ? 'blkio' : controller;
}

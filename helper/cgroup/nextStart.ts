import { knobOf } from '../protocol/index.js';
import type { HeldLimit } from './reading.js';
import type { Limits } from './resources.js';
import { checkValue } from './values.js';

/** The kernel rounds bytes down to whole pages, 64 KiB at most. */
export const pageSlack = 65_536;

/**
 * What the next start will have where that differs from what is in force; undefined where it is the same. What the
 * configuration leaves open is taken from the group above, or is the default of a new group. Pure.
 */
export function nextStartOf(version: 1 | 2, name: string, held: HeldLimit, limits: Limits): string | undefined {
  const knob = knobOf(name);
  const configured = limits.values.get(name);
  // A new group of v1 has these from the group above, whatever that has; and of a text nobody knows the default.
  const inherited = name === 'memory.swappiness' || knob.kind === 'text';
  if (configured === undefined && inherited) return undefined;
  const next = configured ?? knob.cleared;
  if (version === 1 && knob.kind === 'list' && configured === undefined) {
    return held.raw === held.contents[1] ? undefined : next;
  }
  return isSame(name, next, held) ? undefined : next;
}

/** Whether a file holds what writing a value gives: the kernel rounds, and v1 keeps things in other units. Pure. */
export function isSame(name: string, value: string, held: HeldLimit): boolean {
  if (value === held.value) return true;
  const knob = knobOf(name);
  // While cpu.idle is 1 the kernel shows a weight of 0.
  if (name === 'cpu.weight' && held.value === '0') return true;
  if (knob.kind === 'bytes') {
    const [asked, has] = [value, held.value].map((text) => (text === 'max' ? Infinity : Number(text))) as [
      number,
      number,
    ];
    return has <= asked && asked - has < pageSlack;
  }
  if (knob.kind === 'text') return false;
  if (knob.kind === 'cpuMax' && value.startsWith('max ') && held.value.startsWith('max ')) return true;
  return knob.kind === 'ioWeight' || knob.kind === 'number'
    ? held.form.encode(value, held.contents).every(({ data }) => data === held.raw)
    : checkValue(knob, held.value) === value;
}

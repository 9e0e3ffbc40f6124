import { knobOf } from '../../helper/protocol/knobs.js';
import type { DetailedStats, LimitEdit } from '../../helper/protocol/limits.js';
import { formatValue, numberOf } from '../../helper/protocol/notation.js';
import type { ShownReport } from './messages.js';

/** One moment of what graphs show. Without values: nobody looked for a while, and lines have a gap here. */
export interface Sample {
  /** Milliseconds since the epoch. */
  at: number;
  /** By `Measure`; what is not counted here is absent. */
  values: Partial<Record<Measure, number>>;
}

/** Bytes, cores, counts, bytes per second, and shares in percent. */
export type Measure =
  | 'memory'
  | 'memoryLimit'
  | 'memoryPeak'
  | 'swap'
  | 'cpu'
  | 'cpuLimit'
  | 'throttled'
  | 'pids'
  | 'pidsLimit'
  | 'read'
  | 'written'
  | 'memorySome'
  | 'memoryFull'
  | 'cpuSome'
  | 'cpuFull'
  | 'ioSome'
  | 'ioFull';

/** What happened at a moment. */
export interface Mark {
  /** The same for the same event, from wherever it was heard of. */
  id: string;
  /** Milliseconds since the epoch. */
  at: number;
  kind: 'edit' | 'undo' | 'rollback' | 'killed' | 'refused';
  text: string;
}

/** What a sample is drawn against; absent for no limit. */
export type Bounds = Partial<Record<'memoryLimit' | 'cpuLimit' | 'pidsLimit', number>>;

/** Milliseconds without a sample that make a gap: at 1 Hz a busy machine may lose two. */
const gapAfter = 4000;

/** What is to be appended for a sample: itself, after a gap where nobody looked since the one before. */
export function withGap(last: Sample | undefined, sample: Sample): Sample[] {
  const gap = last !== undefined && sample.at - last.at > gapAfter;
  return gap ? [{ at: last.at + 1, values: {} }, sample] : [sample];
}

/** The last minutes of one target: samples while somebody looked, and marks. It holds; it does not poll. */
export class History {
  private kept: Sample[] = [];
  private readonly told: Mark[] = [];
  private previous: DetailedStats | undefined;
  /** Counters begin at nothing in each: the third kill of one is not the third of another. */
  private generation = 0;

  /** @param minutes  how far back samples and marks are kept */
  constructor(private readonly minutes: number) {}

  get samples(): readonly Sample[] {
    return this.kept;
  }

  get marks(): readonly Mark[] {
    return this.told;
  }

  /** Keeps what was counted just now; gives the sample, and the marks that follow from what has been counted since. */
  add(details: DetailedStats, bounds: Bounds): { sample: Sample; marks: Mark[] } {
    const at = Date.parse(details.at);
    const last = this.kept.at(-1);
    const continuous = last !== undefined && at - last.at <= gapAfter;
    const since = continuous ? this.previous : undefined;
    const sample: Sample = { at, values: { ...valuesOf(details, since), ...bounds } };
    this.kept.push(...withGap(last, sample));
    const oldest = at - this.minutes * 60_000;
    this.kept = this.kept.filter((one) => one.at >= oldest);
    // What happened while nobody looked is marked too, when it is first seen.
    const marks = marksSince(details, this.previous, this.generation).filter((one) => this.mark(one));
    this.previous = details;
    return { sample, marks };
  }

  /**
   * Keeps the mark of an out-of-memory kill, unless it is known already.
   * @param count  how many there have been in all, which tells them apart
   */
  markKill(at: number, count: number, text: string): Mark[] {
    const mark = killed(at, this.generation, count, text);
    return this.mark(mark) ? [mark] : [];
  }

  /** Keeps a mark; false when it is known already. */
  mark(mark: Mark): boolean {
    if (this.told.some(({ id }) => id === mark.id)) return false;
    this.told.push(mark);
    this.told.sort((a, b) => a.at - b.at);
    if (this.told.length > 200) this.told.shift();
    return true;
  }

  /** Counters of a cgroup that was made anew begin at nothing again. */
  restart(): void {
    this.previous = undefined;
    this.generation++;
  }
}

/** The mark of an edit of limits. */
export function markOfEdit(edit: LimitEdit): Mark {
  return { id: `edit-${edit.id}`, at: Date.parse(edit.at), kind: edit.kind, text: describeEdit(edit) };
}

/** `Memory 512 MiB → 100 MB`, for each change; said to be an undo or a roll back where it is one. */
export function describeEdit({ kind, changes }: Pick<LimitEdit, 'kind' | 'changes'>): string {
  const parts = changes.map(({ name, before, after }) => {
    const knob = knobOf(name);
    return `${knob.title} ${shown(name, before)} → ${shown(name, after)}`;
  });
  const text = parts.join(', ');
  return kind === 'edit' ? text : kind === 'undo' ? `Undone: ${text}` : `Rolled back: ${text}`;
}

const shown = (name: string, value: string): string => formatValue(knobOf(name), value) || 'none';

const killed = (at: number, generation: number, count: number, text: string): Mark => ({
  id: `killed-${generation}-${count}`,
  at,
  kind: 'killed',
  text,
});

/** The tightest bounds that the report knows, for the lines that use is drawn against. */
export function boundsOf(report: Pick<ShownReport, 'readings'>): Bounds {
  const of = (name: string): number | undefined => {
    const reading = report.readings.find((one) => one.name === name);
    const knob = knobOf(name);
    const numbers = [reading?.value, reading?.effective?.value].flatMap((value) => {
      const number = value === undefined ? undefined : numberOf(knob, value);
      return number === undefined ? [] : [number];
    });
    const least = Math.min(...numbers);
    return least === Number.POSITIVE_INFINITY ? undefined : least;
  };
  return defined({ memoryLimit: of('memory.max'), cpuLimit: of('cpu.max'), pidsLimit: of('pids.max') });
}

function valuesOf(details: DetailedStats, since: DetailedStats | undefined): Sample['values'] {
  const { memory, cpu, pids, io, pressure } = details;
  const sum = (key: 'readBytes' | 'writtenBytes') => io?.reduce((total, device) => total + device[key], 0);
  return defined({
    memory: memory?.bytes,
    memoryPeak: memory?.peak,
    swap: memory?.swapBytes,
    cpu: cpu?.cores,
    throttled: throttledShare(details, since),
    pids: pids?.count,
    read: sum('readBytes'),
    written: sum('writtenBytes'),
    memorySome: pressure?.memory?.some.avg10,
    memoryFull: pressure?.memory?.full?.avg10,
    cpuSome: pressure?.cpu?.some.avg10,
    cpuFull: pressure?.cpu?.full?.avg10,
    ioSome: pressure?.io?.some.avg10,
    ioFull: pressure?.io?.full?.avg10,
  });
}

/** Of the periods since the last sample, the percentage that were throttled. Source: cgroup-v2.rst, cpu.stat. */
function throttledShare({ cpu }: DetailedStats, since: DetailedStats | undefined): number | undefined {
  if (cpu?.periods === undefined || cpu.throttledPeriods === undefined) return undefined;
  const periods = cpu.periods - (since?.cpu?.periods ?? cpu.periods);
  const throttled = cpu.throttledPeriods - (since?.cpu?.throttledPeriods ?? cpu.throttledPeriods);
  return periods <= 0 || throttled < 0 ? 0 : Math.min(100, (throttled / periods) * 100);
}

/** Kills and refusals that have been counted since the sample before. */
function marksSince(details: DetailedStats, since: DetailedStats | undefined, generation: number): Mark[] {
  if (since === undefined) return [];
  const at = Date.parse(details.at);
  const marks: Mark[] = [];
  const kills = details.memory?.events.oom_kill ?? 0;
  const more = kills - (since.memory?.events.oom_kill ?? 0);
  if (more > 0) {
    const who = more === 1 ? 'a process was killed' : `${more} processes were killed`;
    marks.push(killed(at, generation, kills, `Out of memory: ${who}`));
  }
  const refused = (details.pids?.refused ?? 0) - (since.pids?.refused ?? 0);
  if (refused > 0) {
    marks.push({
      id: `refused-${generation}-${details.pids?.refused}`,
      at,
      kind: 'refused',
      text: refused === 1 ? 'A new process was refused' : `${refused} new processes were refused`,
    });
  }
  return marks;
}

function defined<K extends string>(values: Record<K, number | undefined>): Partial<Record<K, number>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<
    Record<K, number>
  >;
}

import { knobOf } from '../../helper/protocol/knobs.js';
import { describeValue } from './fields.js';
import type { ShownReading, ShownReport } from './messages.js';

/** The knobs of one controller, as they stand together in the form. */
export interface Section {
  /** The controller. */
  id: string;
  title: string;
  /** What it is, where the title does not say it. */
  explanation?: string;
  /** Open at first: what one comes for, and what is set. */
  open: boolean;
  everyday: ShownReading[];
  /** Behind “more”. */
  more: ShownReading[];
  /** “More” is open at first, since something in there is set. */
  moreOpen: boolean;
}

const everyday = new Set(['memory.max', 'memory.swap.max', 'cpu.max', 'cpu.weight', 'pids.max']);
const everydayControllers = new Set(['memory', 'cpu', 'pids']);

const titles: Readonly<Record<string, string>> = {
  memory: 'Memory',
  cpu: 'CPU',
  cpuset: 'CPUs and memory nodes',
  pids: 'Processes',
  io: 'Disks',
  hugetlb: 'Huge pages',
  misc: 'Miscellaneous',
  rdma: 'RDMA',
  rlimit: 'Of each process',
};

/**
 * Groups what the report has by controller, in its order. Limits of processes stand last, since they are something
 * else; but first where there are no others.
 */
export function sectionsOf(report: Pick<ShownReport, 'mode' | 'readings'>): Section[] {
  const byController = new Map<string, ShownReading[]>();
  for (const reading of report.readings) {
    const { controller } = knobOf(reading.name);
    byController.set(controller, [...(byController.get(controller) ?? []), reading]);
  }
  const sections = [...byController].map(([id, readings]) => section(id, readings, report.mode));
  const rank = ({ id }: Section): number => (id !== 'rlimit' ? 1 : report.mode === 'none' ? 0 : 2);
  return sections.sort((a, b) => rank(a) - rank(b));
}

function section(id: string, readings: ShownReading[], mode: ShownReport['mode']): Section {
  const split = everydayControllers.has(id);
  const first = split ? readings.filter(({ name }) => everyday.has(name)) : readings;
  const more = split ? readings.filter(({ name }) => !everyday.has(name)) : [];
  return {
    id,
    title: titles[id] ?? id,
    ...(id === 'rlimit' && {
      explanation: 'These hold for each process, not for the container: ten processes may each have as much.',
    }),
    open: id === 'rlimit' ? mode === 'none' : mode !== 'none' && (split || readings.some(isSet)),
    everyday: first,
    more,
    moreOpen: more.some(isSet),
  };
}

/** Something is set that a new group does not have. */
const isSet = ({ name, value }: ShownReading): boolean => value !== undefined && value !== knobOf(name).cleared;

/** What is set in a section, for its header: `Memory 512 MiB · Swap 0`. */
export function summaryOf({ everyday: first, more }: Pick<Section, 'everyday' | 'more'>): string {
  return [...first, ...more]
    .filter(isSet)
    .map(({ name, value = '' }) => `${knobOf(name).title} ${describeValue(name, value)}`)
    .join(' · ');
}

import { formatBytes } from '../../helper/protocol/notation.js';
import type { OverviewRow } from './messages.js';

/** The numbers of a row, also of the machine's. */
export type Use = Omit<OverviewRow, 'key' | 'kind' | 'name' | 'paused'>;

export interface Column {
  id: string;
  /** Of the header. */
  title: string;
  /** Of the value where rows are shown as cards, when the title alone would not do there. */
  card?: string;
  /** What a screen reader says for the header, when that is more than the title. */
  spoken?: string;
  /** What the rows are sorted by; undefined: below all others. */
  value(use: Use): number | undefined;
  text(use: Use): string;
  /** The number of the row that is drawn as a trail behind the text, and what its top stands for at least. */
  trail?: { field: TrailField; top(use: Use): number | undefined };
  /** The number has come near its limit. */
  high?(use: Use): boolean;
}

export const trailFields = ['cpu', 'memory', 'pids', 'read', 'written'] as const;
export type TrailField = (typeof trailFields)[number];

const none = '–';
const share = (used: number | undefined, limit: number | undefined): number | undefined =>
  used === undefined || limit === undefined || limit === 0 ? undefined : used / limit;
const percent = (part: number | undefined): string | undefined =>
  part === undefined ? undefined : `${Math.round(part * 100)} %`;
const near = (used: number | undefined, limit: number | undefined): boolean => (share(used, limit) ?? 0) >= 0.9;

/** A rate below what can be felt is none. */
const rate = (bytes: number | undefined): string =>
  bytes === undefined ? none : bytes < 1 ? '0' : `${formatBytes(bytes)}/s`;

/** Every column but the name. */
export const columns: readonly Column[] = [
  {
    id: 'cpu',
    title: 'CPU',
    spoken: 'CPU, percent of a core',
    value: ({ cpu }) => cpu,
    text: ({ cpu }) => (cpu === undefined ? none : `${(cpu * 100).toFixed(1)} %`),
    trail: { field: 'cpu', top: ({ cpuMax }) => cpuMax },
  },
  {
    id: 'cpuShare',
    title: '% of limit',
    card: 'of CPU limit',
    spoken: 'CPU, percent of limit',
    value: ({ cpu, cpuMax }) => share(cpu, cpuMax),
    text: ({ cpu, cpuMax }) =>
      cpuMax === undefined
        ? none
        : [percent(share(cpu, cpuMax)), `of ${Number(cpuMax.toFixed(2))}`].filter(Boolean).join(' '),
    high: ({ cpu, cpuMax }) => near(cpu, cpuMax),
  },
  {
    id: 'memory',
    title: 'Memory',
    value: ({ memory }) => memory,
    text: ({ memory }) => (memory === undefined ? none : formatBytes(memory)),
    trail: { field: 'memory', top: ({ memoryMax }) => memoryMax },
  },
  {
    id: 'memoryShare',
    title: '% of limit',
    card: 'of memory limit',
    spoken: 'Memory, percent of limit',
    value: ({ memory, memoryMax }) => share(memory, memoryMax),
    text: ({ memory, memoryMax }) =>
      memoryMax === undefined
        ? none
        : [percent(share(memory, memoryMax)), `of ${formatBytes(memoryMax)}`].filter(Boolean).join(' '),
    high: ({ memory, memoryMax }) => near(memory, memoryMax),
  },
  {
    id: 'pids',
    title: 'Processes',
    spoken: 'Processes and threads',
    value: ({ pids }) => pids,
    text: ({ pids, pidsMax }) =>
      pids === undefined ? none : pidsMax === undefined ? `${pids}` : `${pids} of ${pidsMax}`,
    trail: { field: 'pids', top: ({ pidsMax }) => pidsMax },
    high: ({ pids, pidsMax }) => near(pids, pidsMax),
  },
  {
    id: 'read',
    title: 'Read',
    spoken: 'Read from disk',
    value: ({ read }) => read,
    text: ({ read }) => rate(read),
    trail: { field: 'read', top: () => undefined },
  },
  {
    id: 'written',
    title: 'Written',
    spoken: 'Written to disk',
    value: ({ written }) => written,
    text: ({ written }) => rate(written),
    trail: { field: 'written', top: () => undefined },
  },
  {
    id: 'pressure',
    title: 'Pressure',
    spoken: 'Pressure: share of the last ten seconds in which processes waited',
    value: ({ pressure }) => worst(pressure)?.[1],
    text: ({ pressure }) => {
      const found = worst(pressure);
      if (found === undefined) return none;
      const [what, value] = found;
      return value < 0.5 ? '0 %' : `${what} ${Math.round(value)} %`;
    },
    high: ({ pressure }) => (worst(pressure)?.[1] ?? 0) >= 10,
  },
  {
    id: 'oomKills',
    title: 'OOM',
    spoken: 'Killed for memory, so far',
    value: ({ oomKills }) => oomKills,
    text: ({ oomKills }) => (oomKills === undefined ? none : String(oomKills)),
    high: ({ oomKills }) => (oomKills ?? 0) > 0,
  },
];

/** What processes waited for most. */
function worst(pressure: Use['pressure']): [string, number] | undefined {
  const known = Object.entries(pressure ?? {}).flatMap(([name, value]): [string, number][] =>
    value === undefined ? [] : [[name, value]],
  );
  return known.sort(([, a], [, b]) => b - a)[0];
}

/** The columns that have a number in any row: the kernel does not count everything everywhere. */
export function knownColumns(uses: readonly Use[]): Column[] {
  const always = ['cpu', 'memory', 'pids'];
  return columns.filter(({ id, value }) => always.includes(id) || uses.some((use) => value(use) !== undefined));
}

export interface Sorting {
  /** `name`, or the id of a column. */
  column: string;
  descending: boolean;
}

/** What the button of a header makes of the sorting: numbers begin with the most, names with the first. */
export function sortBy(column: string, present: Sorting): Sorting {
  if (present.column === column) return { column, descending: !present.descending };
  return { column, descending: column !== 'name' };
}

const collator = new Intl.Collator('en', { numeric: true });

/** The rows in order; those without a number last, equal ones by name, so that they do not change places. */
export function sortRows(rows: readonly OverviewRow[], { column, descending }: Sorting): OverviewRow[] {
  const byName = (a: OverviewRow, b: OverviewRow): number =>
    collator.compare(a.name, b.name) || a.key.localeCompare(b.key);
  const sign = descending ? -1 : 1;
  const value = columns.find(({ id }) => id === column)?.value;
  if (value === undefined) return [...rows].sort((a, b) => sign * byName(a, b));
  return [...rows].sort((a, b) => {
    const [one, other] = [value(a), value(b)];
    if (one === undefined || other === undefined) {
      return Number(one === undefined) - Number(other === undefined) || byName(a, b);
    }
    return sign * (one - other) || byName(a, b);
  });
}

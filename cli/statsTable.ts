import { type ContainerStats, type DetailedStats, limitBytes, type Pressure } from '../helper/protocol/index.js';
import { bytes, table } from './table.js';

/** A container's name beside its statistics. */
export interface StatsRow {
  name: string;
  stats: ContainerStats;
  details?: DetailedStats;
}

export const orders = ['name', 'cpu', 'memory', 'pids', 'io'] as const;
export type StatsOrder = (typeof orders)[number];

/** What is not counted here shows a dash. */
const none = '-';
const shown = (value: number | undefined, text: (value: number) => string): string =>
  value === undefined ? none : text(value);
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const rate = (perSecond: number): string => `${bytes(Math.round(perSecond))}/s`;

/** How much of its limit is in use, of whole percents; a dash where there is no limit. */
function ofLimit(use: number | undefined, limit: number | 'max' | undefined): string {
  return use === undefined || typeof limit !== 'number' || limit <= 0 ? none : `${((use / limit) * 100).toFixed(0)} %`;
}

/** The tightest limit of memory: its own, or that of a group above. */
const memoryLimit = ({ memoryMax, memoryEffective }: ContainerStats): number | 'max' | undefined =>
  memoryEffective ?? memoryMax;

const ioOf = ({ ioRead, ioWritten }: ContainerStats): number | undefined =>
  ioRead === undefined || ioWritten === undefined ? undefined : ioRead + ioWritten;

/** Columns for people, the most first; by name where two are alike. Pure. */
export function statsTable(rows: readonly StatsRow[], order: StatsOrder, detail: boolean): string {
  const header = ['NAME', 'CPU', '%', 'MEMORY', 'LIMIT', '%', 'PIDS', 'LIMIT', '%', 'READ', 'WRITTEN', 'OOM KILLS'];
  const more = ['THROTTLED', 'PEAK', 'CPU PRESSURE', 'MEMORY PRESSURE', 'IO PRESSURE'];
  return table([
    detail ? [...header, ...more] : header,
    ...sorted(rows, order).map(({ name, stats, details }) => {
      const memory = memoryLimit(stats);
      const cells = [
        name,
        shown(stats.cpu, percent),
        ofLimit(stats.cpu, stats.cpuMax),
        shown(stats.memoryBytes, bytes),
        typeof memory === 'number' ? limitBytes(memory) : (memory ?? none),
        ofLimit(stats.memoryBytes, memory),
        shown(stats.pids, String),
        stats.pidsMax === undefined ? none : String(stats.pidsMax),
        ofLimit(stats.pids, stats.pidsMax),
        shown(stats.ioRead, rate),
        shown(stats.ioWritten, rate),
        shown(stats.oomKills, String),
      ];
      return detail ? [...cells, ...detailCells(details)] : cells;
    }),
  ]);
}

/** Pressure is the share of the last 10 seconds in which some process waited. */
function detailCells(details: DetailedStats | undefined): string[] {
  const pressure = (found: Pressure | undefined): string =>
    shown(found?.some.avg10, (value) => `${value.toFixed(1)} %`);
  return [
    shown(details?.cpu?.throttledMicroseconds, (time) => `${(time / 1e6).toFixed(1)} s`),
    shown(details?.memory?.peak, bytes),
    pressure(details?.pressure?.cpu),
    pressure(details?.pressure?.memory),
    pressure(details?.pressure?.io),
  ];
}

function sorted(rows: readonly StatsRow[], order: StatsOrder): StatsRow[] {
  const keys: Readonly<Record<StatsOrder, (stats: ContainerStats) => number | undefined>> = {
    name: () => undefined,
    cpu: ({ cpu }) => cpu,
    memory: ({ memoryBytes }) => memoryBytes,
    pids: ({ pids }) => pids,
    io: ioOf,
  };
  const key = ({ stats }: StatsRow): number => keys[order](stats) ?? Number.NEGATIVE_INFINITY;
  return [...rows].sort((a, b) => (key(a) === key(b) ? a.name.localeCompare(b.name) : key(b) - key(a)));
}

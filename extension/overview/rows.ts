import {
  allContainers,
  type ContainerStats,
  type ContainerSummary,
  type DetailedStats,
  knobOf,
  type LimitNumber,
  type LimitsReport,
  numberOf,
} from '../../helper/protocol/index.js';
import type { OverviewRow } from './messages.js';

/** A group of containers, with the ids of those in it. */
export interface ContainerGroup {
  name: string;
  containers: readonly string[];
}

export interface OverviewState {
  containers: readonly ContainerSummary[];
  groups: readonly ContainerGroup[];
  stats(container: string): ContainerStats | undefined;
  /** By `keyOf` of the target. */
  details: ReadonlyMap<string, DetailedStats>;
  /** Of groups, by their key; containers' come with their statistics. */
  limits: ReadonlyMap<string, Bounds>;
}

/** What of a target is limited, by its own limits or tighter ones above. */
export type Bounds = Pick<OverviewRow, 'cpuMax' | 'memoryMax' | 'pidsMax'>;

/** The limits that columns are held against. */
export function boundsOf(report: LimitsReport): Bounds {
  const tightest = (name: string): number | undefined => {
    const reading = report.readings.find((one) => one.name === name);
    const values = [reading?.value, reading?.effective?.value].flatMap((value) =>
      value === undefined ? [] : (numberOf(knobOf(name), value) ?? []),
    );
    const least = Math.min(...values);
    return Number.isFinite(least) ? least : undefined;
  };
  return defined({ cpuMax: tightest('cpu.max'), memoryMax: tightest('memory.max'), pidsMax: tightest('pids.max') });
}

export const containerKey = (id: string): string => `container:${id}`;
export const groupKey = (name: string): string => `group:${name}`;

/** The containers that run, then the groups that one of them is in. Their order is the page's. */
export function makeRows({ containers, groups, stats, details, limits }: OverviewState): OverviewRow[] {
  const running = containers.filter(isLive);
  return [
    ...running.map((summary): OverviewRow => {
      const key = containerKey(summary.id);
      return {
        key,
        kind: 'container',
        name: summary.name,
        paused: summary.state === 'paused',
        ...useOfStats(stats(summary.id), details.get(key)),
      };
    }),
    ...groups.flatMap((group): OverviewRow[] => {
      const members = running.filter(({ id }) => group.containers.includes(id));
      if (members.length === 0) return [];
      const key = groupKey(group.name);
      return [
        {
          key,
          kind: 'group',
          name: group.name,
          paused: false,
          ...useOfGroup(
            members.map(({ id }) => stats(id)),
            details.get(key),
          ),
          ...limits.get(key),
        },
      ];
    }),
  ];
}

/** All containers together: by the group that they all are in, where the kernel counts it, else summed. */
export function makeTotal({ containers, stats, details, limits }: OverviewState): OverviewRow {
  const running = containers.filter(isLive);
  const key = groupKey(allContainers);
  return {
    key,
    kind: 'group',
    name: allContainers,
    paused: false,
    ...useOfGroup(
      running.map(({ id }) => stats(id)),
      details.get(key),
    ),
    ...limits.get(key),
  };
}

export const isLive = ({ state }: ContainerSummary): boolean => state === 'running' || state === 'paused';

type Use = Omit<OverviewRow, 'key' | 'kind' | 'name' | 'paused'>;

function useOfStats(stats: ContainerStats | undefined, details: DetailedStats | undefined): Use {
  const pressure = pressureOf(details);
  return defined({
    cpu: stats?.cpu,
    cpuMax: bound(stats?.cpuMax),
    memory: stats?.memoryBytes,
    memoryMax: bound(stats?.memoryEffective ?? stats?.memoryMax),
    pids: stats?.pids,
    pidsMax: bound(stats?.pidsMax),
    read: stats?.ioRead,
    written: stats?.ioWritten,
    pressure,
    oomKills: stats?.oomKills,
  });
}

function useOfGroup(members: readonly (ContainerStats | undefined)[], details: DetailedStats | undefined): Use {
  const sum = (of: (stats: ContainerStats) => number | undefined): number | undefined => {
    const known = members.flatMap((stats) => (stats === undefined ? undefined : of(stats)) ?? []);
    return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
  };
  const io = details?.io;
  return defined({
    cpu: details?.cpu?.cores ?? sum(({ cpu }) => cpu),
    memory: details?.memory?.bytes ?? sum(({ memoryBytes }) => memoryBytes),
    pids: details?.pids?.count ?? sum(({ pids }) => pids),
    read: io?.reduce((total, { readBytes }) => total + readBytes, 0) ?? sum(({ ioRead }) => ioRead),
    written: io?.reduce((total, { writtenBytes }) => total + writtenBytes, 0) ?? sum(({ ioWritten }) => ioWritten),
    pressure: pressureOf(details),
    oomKills: sum(({ oomKills }) => oomKills),
  });
}

function pressureOf(details: DetailedStats | undefined): Use['pressure'] {
  const pressure = details?.pressure;
  if (pressure === undefined) return undefined;
  return defined({
    cpu: pressure.cpu?.some.avg10,
    memory: pressure.memory?.some.avg10,
    io: pressure.io?.some.avg10,
  });
}

const bound = (limit: LimitNumber | undefined): number | undefined => (limit === 'max' ? undefined : limit);

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the fields that have no value: an absent number is not sent. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}

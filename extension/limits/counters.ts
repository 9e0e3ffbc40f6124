import { formatTime } from '../../helper/protocol/notation.js';
import type { ShownDetails } from './messages.js';

/** One line of the table of pressure. */
export interface PressureRow {
  resource: string;
  /** Some of the processes waited, or all that had something to do. */
  who: 'some' | 'all';
  /** Over 10, 60 and 300 seconds. */
  shares: [string, string, string];
  total: string;
}

const resources = { memory: 'Memory', cpu: 'CPU', io: 'Disks' } as const;

/** Pressure stall information as a table; empty where the kernel counts none. Source: accounting/psi.rst. */
export function pressureRows({ pressure }: ShownDetails): PressureRow[] {
  return (['memory', 'cpu', 'io'] as const).flatMap((key) => {
    const { some, full } = pressure?.[key] ?? {};
    return (
      [
        ['some', some],
        ['all', full],
      ] as const
    ).flatMap(([who, line]) => {
      if (line === undefined) return [];
      const share = (percent: number): string => `${percent.toFixed(1)} %`;
      return [
        {
          resource: resources[key],
          who,
          shares: [share(line.avg10), share(line.avg60), share(line.avg300)] satisfies [string, string, string],
          total: formatTime(line.total),
        },
      ];
    });
  });
}

/** Words for the counters of memory.events; others are shown by their own names. Source: cgroup-v2.rst. */
const memoryEvents: Readonly<Record<string, string>> = {
  low: 'reclaimed below what is to be spared',
  high: 'slowed down above the soft limit',
  max: 'reclaimed at the limit',
  oom: 'out of memory',
  oom_kill: 'processes killed for memory',
  oom_group_kill: 'killed as a whole',
};

/** Counters that tell whether limits have bitten. Those of memory that never counted anything are left out. */
export function describeCounters({ memory, pids, cpu }: ShownDetails): { name: string; value: string }[] {
  const lines: { name: string; value: string }[] = [];
  for (const [name, count] of Object.entries(memory?.events ?? {})) {
    if (count > 0) lines.push({ name: memoryEvents[name] ?? name, value: String(count) });
  }
  if (pids?.refused !== undefined) lines.push({ name: 'new processes refused', value: String(pids.refused) });
  if (cpu?.throttledMicroseconds !== undefined) {
    const of = cpu.periods ? ` in ${cpu.throttledPeriods ?? 0} of ${cpu.periods} periods` : '';
    lines.push({ name: 'slowed down', value: `${formatTime(cpu.throttledMicroseconds)}${of}` });
  }
  return lines;
}

import {
  type ContainerStats,
  formatBytes,
  formatTime,
  formatUsage,
  formatValue,
  type Knob,
  knobOf,
  type LimitReading,
  type LimitsReport,
  numberOf,
} from '../../helper/protocol/index.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';
import { usageAgainst } from './containerText.js';

/** What is in use now, by the name of the knob that limits it and in its unit: fresher than a report. */
export type UseByKnob = Readonly<Record<string, number | undefined>>;

/** How many limits are listed in a tree; the others are in the form. */
const mostShown = 5;

/** Shown also when nothing is set: what everybody asks for first. */
const everyday = ['memory.max', 'cpu.max', 'pids.max'];

export interface ChosenLimits {
  shown: LimitReading[];
  /** How many more are set or in use. */
  more: number;
}

/**
 * The limits worth a line: those that are set, or that a group above sets, or of which something is in use, in the order
 * of the report. Of more than five the everyday ones and those that are set go first.
 */
export function chooseLimits(report: LimitsReport): ChosenLimits {
  const rankHere = (reading: LimitReading): number => rank(reading, report.mode);
  const worth = report.readings.filter((reading) => rankHere(reading) < unremarkable);
  const kept = new Set([...worth].sort((a, b) => rankHere(a) - rankHere(b)).slice(0, mostShown));
  return { shown: worth.filter((reading) => kept.has(reading)), more: worth.length - kept.size };
}

const unremarkable = 3;

function rank(reading: LimitReading, mode: LimitsReport['mode']): number {
  if (everyday.includes(reading.name)) return 0;
  const { kind, controller } = knobOf(reading.name);
  // Every process inherits these: only where there is nothing else are they worth a line.
  if (controller === 'rlimit' && mode !== 'none' && reading.nextStart === undefined) return unremarkable;
  // Of v1 every group has lists of CPUs and nodes, be they narrower than those above or not.
  const always = mode === 'v1' && kind === 'list';
  if (isSet(reading) || reading.nextStart !== undefined) return always ? 2 : 1;
  if (reading.effective !== undefined || (reading.usage ?? 0) > 0) return 2;
  return unremarkable;
}

/** It differs from what a new group has; of no limit the period does not matter. */
function isSet({ name, value }: LimitReading): boolean {
  const { cleared } = knobOf(name);
  return value !== undefined && value.trim() !== cleared && !(cleared.startsWith('max') && value.startsWith('max'));
}

/** What the statistics of a container say of the use of limits. */
export function useOf(stats: ContainerStats | undefined): UseByKnob {
  return { 'memory.max': stats?.memoryBytes, 'cpu.max': stats?.cpu, 'pids.max': stats?.pids };
}

/** A limit with its use and the tighter one above it: `310 MiB of 512 MiB (61 %)`. */
export function presentLimit(reading: LimitReading, live: boolean, use: UseByKnob = {}): Presentation {
  const knob = knobOf(reading.name);
  const label = knob.title;
  if (reading.value === undefined && reading.unavailable !== undefined) return presentUnavailable(reading, label);
  const usage = live ? (use[reading.name] ?? reading.usage) : undefined;
  const value = valueText(knob, reading.value ?? knob.cleared);
  const share = usage === undefined ? undefined : shareOf(knob, reading, usage);
  const tighter = reading.effective
    ? `${valueText(knob, reading.effective.value)} set by ${plainText(reading.effective.path, 120)}`
    : undefined;
  const next = reading.nextStart === undefined ? undefined : valueText(knob, reading.nextStart);
  const description = [
    `${usage === undefined ? value : useAgainst(knob, usage, reading.value ?? knob.cleared)}${percent(share)}`,
    tighter && `in force: ${tighter}`,
    next && `from the next start: ${next}`,
  ]
    .filter(Boolean)
    .join(' · ');
  return {
    label,
    description,
    tooltip: tooltipText([
      `${reading.name}: ${value}`,
      knob.help,
      reading.raw === undefined ? undefined : `The kernel holds: ${reading.raw.trim() || '(empty)'}`,
      ...reading.files,
      usage === undefined ? undefined : `In use: ${formatUsage(knob, usage)}`,
      reading.peak === undefined ? undefined : `Most so far: ${formatUsage(knob, reading.peak)}`,
      tighter && `A limit above is tighter: ${tighter}`,
      next && `From the next start: ${next}`,
      reading.writable ? undefined : reading.unavailable?.reason,
    ]),
    icon: share !== undefined && share >= 0.9 ? warningIcon : { id: 'dashboard' },
    contextValue: reading.writable ? 'limit.writable' : 'limit.readonly',
    accessibleLabel: `Limit ${label}: ${description}`,
  };
}

const warningIcon = { id: 'warning', color: 'problemsWarningIcon.foreground' };

function presentUnavailable(reading: LimitReading, label: string): Presentation {
  const reason = plainText(reading.unavailable?.reason ?? '');
  return {
    label,
    description: 'not available',
    tooltip: tooltipText([reading.name, reason, reading.unavailable?.remedy]),
    icon: { id: 'circle-slash' },
    contextValue: 'limit.unavailable',
    accessibleLabel: `Limit ${label}, not available: ${reason}`,
  };
}

/** The value in the words of people; `no limit` where that is what it means, not a weight's or a switch's default. */
function valueText(knob: Knob, value: string): string {
  const unlimited = value.startsWith('max') || (value.trim() === '' && knob.cleared === '');
  if (!unlimited) return plainText(formatValue(knob, value), 120);
  return knob.kind === 'list' ? 'as the group above' : 'no limit';
}

/** How much of what is in force is used; undefined without a bound. */
function shareOf(knob: Knob, reading: LimitReading, usage: number): number | undefined {
  const bounds = [reading.value, reading.effective?.value].flatMap((value) => {
    const bound = value === undefined ? undefined : numberOf(knob, value);
    return bound === undefined || !Number.isFinite(bound) ? [] : [bound];
  });
  // Of a protection or a weight nothing is used up.
  if (bounds.length === 0 || !knob.cleared.startsWith('max')) return undefined;
  const bound = Math.min(...bounds);
  return bound === 0 ? (usage > 0 ? 1 : undefined) : usage / bound;
}

const percent = (share: number | undefined): string => (share === undefined ? '' : ` (${Math.round(share * 100)} %)`);

/** `11.8 MB of 100 MB`, `0.02 of 0.5 cores`, `3, no limit`. */
function useAgainst(knob: Knob, usage: number, value: string): string {
  const bound = numberOf(knob, value);
  const limited = bound !== undefined && Number.isFinite(bound);
  if (knob.kind === 'bytes') {
    return limited ? usageAgainst(usage, bound) : `${formatBytes(usage)}, ${valueText(knob, value)}`;
  }
  if (!limited) {
    const used =
      knob.kind === 'cpuMax'
        ? `${twoPlaces(usage)} cores`
        : knob.kind === 'count'
          ? twoPlaces(usage)
          : formatUsage(knob, usage);
    return `${used}, ${valueText(knob, value)}`;
  }
  return `${twoPlaces(usage)} of ${formatValue(knob, value)}`;
}

const twoPlaces = (number: number): string => String(Number(number.toFixed(2)));

/** The line behind which the other limits are. */
export function presentMoreLimits(more: number): Presentation {
  return {
    label: 'All limits…',
    ...(more > 0 ? { description: `${more} more set or in use` } : {}),
    tooltip: 'Opens the form with every limit that this machine offers',
    icon: { id: 'ellipsis' },
    contextValue: 'limits.all',
    accessibleLabel: more > 0 ? `All limits, ${more} more set or in use` : 'All limits',
  };
}

/** How often limits have bitten; undefined when none has. */
export function presentEvents({
  oomKills,
  pidsRefused,
  throttledMicroseconds,
}: LimitsReport['events']): Presentation | undefined {
  const parts = [
    oomKills > 0 ? `killed for memory: ${oomKills}` : undefined,
    pidsRefused > 0 ? `forks refused: ${pidsRefused}` : undefined,
    throttledMicroseconds > 0 ? `slowed down for ${formatTime(throttledMicroseconds)}` : undefined,
  ].filter((part) => part !== undefined);
  if (parts.length === 0) return undefined;
  const description = parts.join(' · ');
  return {
    label: 'So far',
    description,
    tooltip: 'How often limits have bitten, counted by the kernel since the start',
    icon: oomKills > 0 ? warningIcon : { id: 'history' },
    contextValue: 'limits.events',
    accessibleLabel: `Limits so far: ${description}`,
  };
}

/** The line that says why limits are not what one hopes for, when the report has such a notice. */
export function presentNotice(notice: NonNullable<LimitsReport['notice']>): Presentation {
  const reason = plainText(notice.reason);
  return {
    label: reason,
    tooltip: tooltipText([notice.reason, notice.remedy]),
    icon: { id: 'info' },
    contextValue: 'notice',
    accessibleLabel: `Notice: ${reason} ${plainText(notice.remedy)}`,
  };
}

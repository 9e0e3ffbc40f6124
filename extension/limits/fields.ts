import type { LimitName, LimitValue } from '../../helper/protocol/limits.js';
import { type Advice, adviseOnLimit, type MachineSize } from './advice.js';
import type { ShownReading, ShownReport } from './messages.js';
import { formatLimit, formatUsage, kernelText, parseLimit } from './units.js';

/** What the form says about each limit, in the order it is shown. */
export const fields: readonly { name: LimitName; title: string; help: string }[] = [
  { name: 'memory.max', title: 'Memory', help: 'At the limit the kernel reclaims, then kills a process inside.' },
  { name: 'memory.swap.max', title: 'Swap', help: 'What may be swapped out beside the memory. 0 for no swap.' },
  { name: 'cpu.max', title: 'CPU', help: 'Cores, or % of one core. The container is slowed down at the limit.' },
  {
    name: 'cpu.weight',
    title: 'CPU weight',
    help: 'Share of the CPU when others want it too. 1 to 10000, default 100.',
  },
  { name: 'pids.max', title: 'Processes', help: 'Processes and threads together. At the limit fork fails.' },
];

/** The value that the button beside a field puts in: no limit, or for a weight the kernel's default. */
export const clearedValue = (name: LimitName): LimitValue => (name === 'cpu.weight' ? 100 : 'max');

/** One field as it is to be drawn. All text, nothing of the page. */
export interface FieldView {
  text: string;
  disabled: boolean;
  /** What Apply would set; absent while nothing was changed or it is not valid. */
  change?: LimitValue;
  error?: string;
  advice?: Advice;
  /** The exact value that Apply writes, and where. */
  writes?: string;
  /** What the kernel holds, read back. */
  inForce: string;
  usage?: { text: string; percent?: number };
  /** A tighter limit of an enclosing cgroup. */
  enclosing?: string;
  unavailable?: { reason: string; remedy: string };
}

/**
 * Decides how one limit is drawn.
 * @param draft what was typed and not yet applied, if anything
 * @param usage the latest sample in the unit of the limit, else the one of the reading
 */
export function viewField(
  report: ShownReport,
  reading: ShownReading,
  draft: string | undefined,
  usage: number | undefined,
  machine: MachineSize,
): FieldView {
  const { name } = reading;
  const disabled = report.mode === 'none' || reading.unavailable !== undefined || !reading.writable;
  const present = reading.value === undefined ? '' : formatLimit(name, reading.value);
  const used = report.live ? (usage ?? reading.usage) : undefined;
  const view: FieldView = {
    text: disabled ? present : (draft ?? present),
    disabled,
    inForce: describeInForce(report, reading),
  };
  if (used !== undefined && name !== 'cpu.weight') view.usage = describeUsage(reading, used);
  if (reading.effective !== undefined) {
    const { value, path } = reading.effective;
    view.enclosing = `An enclosing cgroup allows only ${formatLimit(name, value)}: ${path}`;
  }
  // What the notice above the form says already is not said five times more.
  const said =
    report.notice !== undefined && (report.mode === 'none' || report.notice.remedy === reading.unavailable?.remedy);
  if (reading.unavailable !== undefined && !said) view.unavailable = reading.unavailable;
  if (disabled || draft === undefined) return view;

  const parsed = parseLimit(name, draft);
  if (!parsed.ok) return { ...view, error: parsed.message };
  if (parsed.value === reading.value) return view;
  const advice = adviseOnLimit(name, parsed.value, used, machine);
  return {
    ...view,
    change: parsed.value,
    writes: describeWrite(report, reading, parsed.value),
    ...(advice && { advice }),
  };
}

function fileOf(reading: ShownReading): string {
  return reading.file?.split('/').at(-1) ?? reading.name;
}

/** The period of a running container's cpu.max, which is its second number. */
function periodOf(report: ShownReport, reading: ShownReading): number | undefined {
  if (report.mode !== 'v2' || !report.live || reading.name !== 'cpu.max') return undefined;
  const period = Number(reading.raw?.trim().split(' ')[1]);
  return period > 0 ? period : undefined;
}

function describeWrite(report: ShownReport, reading: ShownReading, value: LimitValue): string {
  const exact = kernelText(reading.name, value, periodOf(report, reading));
  if (!report.live) return `At the next start ${reading.name} = ${exact}`;
  // v1 counts some of them differently: shares for weights, memory and swap together. The file then says so, read back.
  return report.mode === 'v1'
    ? `Sets ${reading.name} = ${exact}, kept in ${fileOf(reading)}`
    : `Writes ${exact} to ${fileOf(reading)}`;
}

function describeInForce(report: ShownReport, reading: ShownReading): string {
  if (reading.value === undefined) return '';
  const text = reading.value === 'max' ? 'no limit' : formatLimit(reading.name, reading.value);
  if (!report.live) return `From the next start on: ${text}`;
  return reading.raw === undefined
    ? `In force: ${text}`
    : `In force: ${text} (${fileOf(reading)}: ${reading.raw.trim()})`;
}

function describeUsage(reading: ShownReading, used: number): { text: string; percent?: number } {
  const { name } = reading;
  const bounds = [reading.value, reading.effective?.value].filter((bound) => typeof bound === 'number');
  if (bounds.length === 0) return { text: `${formatUsage(name, used)} in use` };
  const limit = Math.min(...bounds);
  const percent = limit === 0 ? (used > 0 ? 100 : 0) : Math.min(100, (used / limit) * 100);
  return { text: `${formatUsage(name, used)} in use, ${Math.round(percent)} % of the limit`, percent };
}

/** What became of applied changes, as the kernel has it: one sentence, naming what it rounded. */
export function describeReadBack(
  changes: readonly { name: LimitName; value: LimitValue }[],
  report: ShownReport,
): string {
  const differing = changes.flatMap(({ name, value }) => {
    const held = report.readings.find((reading) => reading.name === name)?.value;
    if (held === undefined || held === value) return [];
    return [`${name} is ${kernelText(name, held)} where ${kernelText(name, value)} was asked for`];
  });
  const count = changes.length === 1 ? '1 limit' : `${changes.length} limits`;
  const done = report.live ? `Applied ${count} and read back` : `Kept ${count} for the next start`;
  return differing.length === 0 ? `${done}.` : `${done}: the kernel rounds. ${differing.join('; ')}.`;
}

/** Counters that tell whether limits have bitten; empty when none has. */
export function describeEvents({ oomKills, pidsRefused, throttledMicroseconds }: ShownReport['events']): string {
  const parts: string[] = [];
  if (oomKills > 0) parts.push(`killed for memory: ${oomKills}`);
  if (pidsRefused > 0) parts.push(`forks refused: ${pidsRefused}`);
  if (throttledMicroseconds > 0) parts.push(`slowed down for ${(throttledMicroseconds / 1e6).toFixed(1)} s`);
  return parts.length === 0 ? '' : `So far: ${parts.join(', ')}.`;
}

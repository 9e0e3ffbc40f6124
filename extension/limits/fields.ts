import { knobOf } from '../../helper/protocol/knobs.js';
import { formatUsage, formatValue, numberOf, parseValue } from '../../helper/protocol/notation.js';
import type { ShownReading, ShownReport } from './messages.js';

/** The limits that the form has, in the order it shows them. */
export const fields = ['memory.max', 'memory.swap.max', 'cpu.max', 'cpu.weight', 'pids.max'].map(knobOf);

/** One field as it is to be drawn. All text, nothing of the page. */
export interface FieldView {
  text: string;
  disabled: boolean;
  /** What Apply would set; absent while nothing was changed or it is not valid. */
  change?: string;
  error?: string;
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
): FieldView {
  const knob = knobOf(reading.name);
  const disabled = report.mode === 'none' || reading.unavailable !== undefined || !reading.writable;
  const present = reading.value === undefined ? '' : formatValue(knob, reading.value);
  const used = report.live ? (usage ?? reading.usage) : undefined;
  const view: FieldView = {
    text: disabled ? present : (draft ?? present),
    disabled,
    inForce: describeInForce(report, reading),
  };
  if (used !== undefined) view.usage = describeUsage(reading, used);
  if (reading.effective !== undefined) {
    const { value, path } = reading.effective;
    view.enclosing = `An enclosing cgroup allows only ${formatValue(knob, value)}: ${path}`;
  }
  // What the notice above the form says already is not said five times more.
  const said =
    report.notice !== undefined && (report.mode === 'none' || report.notice.remedy === reading.unavailable?.remedy);
  if (reading.unavailable !== undefined && !said) view.unavailable = reading.unavailable;
  if (disabled || draft === undefined) return view;

  const parsed = parseValue(knob, draft);
  if (!parsed.ok) return { ...view, error: parsed.message };
  if (parsed.value === reading.value) return view;
  return {
    ...view,
    change: parsed.value,
    writes: describeWrite(report, reading, parsed.value),
  };
}

function fileOf(reading: ShownReading): string {
  return reading.files[0]?.split('/').at(-1) ?? reading.name;
}

function describeWrite(report: ShownReport, reading: ShownReading, value: string): string {
  const exact = value;
  if (!report.live) return `At the next start ${reading.name} = ${exact}`;
  // v1 counts some of them differently: shares for weights, memory and swap together. The file then says so, read back.
  return report.mode === 'v1'
    ? `Sets ${reading.name} = ${exact}, kept in ${fileOf(reading)}`
    : `Writes ${exact} to ${fileOf(reading)}`;
}

function describeInForce(report: ShownReport, reading: ShownReading): string {
  if (reading.value === undefined) return '';
  const text = formatValue(knobOf(reading.name), reading.value);
  if (!report.live) return `From the next start on: ${text}`;
  return reading.raw === undefined
    ? `In force: ${text}`
    : `In force: ${text} (${fileOf(reading)}: ${reading.raw.trim()})`;
}

function describeUsage(reading: ShownReading, used: number): { text: string; percent?: number } {
  const knob = knobOf(reading.name);
  const bounds = [reading.value, reading.effective?.value].map((value) => value && numberOf(knob, value));
  const limit = Math.min(...bounds.filter((bound) => typeof bound === 'number'));
  if (limit === Number.POSITIVE_INFINITY) return { text: `${formatUsage(knob, used)} in use` };
  const percent = limit === 0 ? (used > 0 ? 100 : 0) : Math.min(100, (used / limit) * 100);
  return { text: `${formatUsage(knob, used)} in use, ${Math.round(percent)} % of the limit`, percent };
}

/** What became of applied changes, as the kernel has it: one sentence, naming what it rounded. */
export function describeReadBack(changes: readonly { name: string; value: string }[], report: ShownReport): string {
  const differing = changes.flatMap(({ name, value }) => {
    const held = report.readings.find((reading) => reading.name === name)?.value;
    if (held === undefined || held === value) return [];
    return [`${name} is ${held} where ${value} was asked for`];
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

import { knobOf } from '../../helper/protocol/knobs.js';
import { formatUsage, formatValue, numberOf, parseValue } from '../../helper/protocol/notation.js';
import { takesEffectAtOnce } from './actions.js';
import type { ShownDetails, ShownPreview, ShownReading, ShownReport } from './messages.js';

/** One field as it is to be drawn. All text, nothing of the page. */
export interface FieldView {
  /** In people's words: what was typed, else what is set. */
  text: string;
  disabled: boolean;
  /** Nothing limits: clearing would change nothing. */
  cleared: boolean;
  /** What Apply would set, in the kernel's text; absent while nothing was changed or it is not valid. */
  change?: string;
  error?: string;
  /** The exact text that will be written, and into which file as soon as that is known. */
  exact?: string;
  usage?: { text: string; percent?: number };
  /** What else there is to know: what the kernel holds, a tighter group above, the next start. */
  notes: string[];
  unavailable?: { reason: string; remedy: string };
}

export interface FieldInput {
  report: ShownReport;
  reading: ShownReading;
  /** What was typed and not yet applied, if anything. */
  draft?: string | undefined;
  /** The answer to what would be written, when it is of just these drafts. */
  preview?: ShownPreview | undefined;
  /** The latest sample. */
  details?: ShownDetails | undefined;
  gone?: boolean;
}

/** Decides how one limit is drawn. */
export function viewField({ report, reading, draft, preview, details, gone = false }: FieldInput): FieldView {
  const knob = knobOf(reading.name);
  const disabled = gone || reading.unavailable !== undefined || !reading.writable;
  const present = reading.value === undefined ? '' : formatValue(knob, reading.value);
  const typed = disabled ? undefined : draft;
  const view: FieldView = {
    text: typed ?? present,
    disabled,
    cleared: typed === undefined && (reading.value === undefined || reading.value === knob.cleared),
    notes: notesOf(report, reading),
  };
  if (takesEffectAtOnce(report) && !gone) {
    const usage = describeUsage(reading, { ...reading, ...sampled(reading.name, details) });
    if (usage !== undefined) view.usage = usage;
  }
  // What the notice above the form says already is not said once more for every field.
  if (reading.unavailable !== undefined && reading.unavailable.remedy !== report.notice?.remedy) {
    view.unavailable = reading.unavailable;
  }
  if (typed === undefined) return view;
  const parsed = parseValue(knob, typed);
  if (!parsed.ok) return { ...view, error: parsed.message };
  const unset = reading.value === undefined && parsed.value === knob.cleared;
  if (parsed.value === reading.value || unset) return view;
  return { ...view, change: parsed.value, exact: describeWrite(reading, parsed.value, preview) };
}

/** The exact text, and where it goes: by the preview, since on cgroup v1 files and numbers are others. */
function describeWrite(reading: ShownReading, value: string, preview: ShownPreview | undefined): string {
  const writes = preview?.writes.filter(({ name }) => name === reading.name) ?? [];
  if (writes.length === 0) return value === '' ? '= (empty)' : `= ${value}`;
  return writes
    .map(({ file, name, data }) => `${baseName(file) || name} ← ${data === '' ? '(empty)' : data}`)
    .join(', ');
}

/** The last part of a path; empty for none. */
export const baseName = (path: string): string => path.split('/').at(-1) ?? '';

function notesOf(report: ShownReport, reading: ShownReading): string[] {
  const knob = knobOf(reading.name);
  const notes: string[] = [];
  if (reading.effective !== undefined) {
    const { value, path } = reading.effective;
    notes.push(`The group ${path} above allows only ${formatValue(knob, value) || 'nothing'}.`);
  }
  if (takesEffectAtOnce(report) && reading.nextStart !== undefined) {
    notes.push(`From the next start on: ${describeValue(reading.name, reading.nextStart)}.`);
  }
  const raw = reading.raw?.trim() ?? '';
  // Verbatim, where that says more than the field does: the number behind a unit, or what cgroup v1 has instead. What
  // cgroup v1 has for no limit is a number that tells nobody anything.
  const inWords = ['bytes', 'cpuMax', 'microseconds', 'seconds'].includes(knob.kind);
  const told = raw === (inWords ? formatValue(knob, reading.value ?? '') : reading.value);
  if (takesEffectAtOnce(report) && raw !== '' && !told && reading.value !== knob.cleared && reading.value !== 'max') {
    // Of several files it is not said which holds what: they are one value.
    const file = reading.files.length === 1 ? baseName(reading.files[0] ?? '') : '';
    const holder = file === '' || file === reading.name ? 'The kernel' : file;
    notes.push(`${holder} holds ${raw.replaceAll('\n', '; ')}`);
  }
  return notes;
}

/** `512 MiB`, `no limit`, or the default of what is no limit. */
export function describeValue(name: string, value: string): string {
  const knob = knobOf(name);
  if (value !== knob.cleared) return formatValue(knob, value) || 'none';
  return knob.cleared === 'max' || knob.kind === 'cpuMax' || knob.kind === 'ioMax'
    ? 'no limit'
    : formatValue(knob, value) || 'as the group above';
}

/** Use and high-water mark as the latest sample has them, in the unit of the limit. */
function sampled(name: string, details: ShownDetails | undefined): { usage?: number; peak?: number } {
  if (details === undefined) return {};
  const { memory, cpu, pids } = details;
  const used = ((): [number | undefined, number | undefined] => {
    switch (name) {
      case 'memory.max':
        return [memory?.bytes, memory?.peak];
      case 'memory.high':
        return [memory?.bytes, undefined];
      case 'memory.swap.max':
        return [memory?.swapBytes, undefined];
      case 'cpu.max':
        return [cpu?.cores, undefined];
      case 'pids.max':
        return [pids?.count, pids?.peak];
      default:
        return [undefined, undefined];
    }
  })();
  const [usage, peak] = used;
  return { ...(usage !== undefined && { usage }), ...(peak !== undefined && { peak }) };
}

function describeUsage(
  reading: ShownReading,
  { usage, peak }: { usage?: number | undefined; peak?: number | undefined },
): FieldView['usage'] {
  if (usage === undefined) return undefined;
  const knob = knobOf(reading.name);
  const parts = [`${formatUsage(knob, usage)} in use`];
  const highest = peak === undefined ? '' : `highest ${formatUsage(knob, peak)}`;
  const bounds = [reading.value, reading.effective?.value].flatMap((value) => {
    const bound = value === undefined ? undefined : numberOf(knob, value);
    return bound === undefined ? [] : [bound];
  });
  const limit = Math.min(...bounds);
  if (limit === Number.POSITIVE_INFINITY) return { text: [...parts, highest].filter(Boolean).join(' · ') };
  const percent = limit === 0 ? (usage > 0 ? 100 : 0) : Math.min(100, (usage / limit) * 100);
  return { text: [...parts, `${Math.round(percent)} %`, highest].filter(Boolean).join(' · '), percent };
}

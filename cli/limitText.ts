import * as protocol from '../helper/protocol/index.js';
import { printable } from './failure.js';
import { table } from './table.js';

/** What `terrarium limits` prints: functions over what the helper answered. */

const shown = (name: string, value: string | undefined): string =>
  value === undefined ? '–' : protocol.formatValue(protocol.knobOf(name), value) || '(none)';

const isOfProcesses = (name: string): boolean => protocol.knobOf(name).controller === 'rlimit';

/** All limits in tables, those of each process by themselves, and what there is to say about them. */
export function limitsText(report: protocol.LimitsReport): string {
  const ofCgroup = report.readings
    // Where nothing can be set, what nobody asked for is no news.
    .filter(({ name, value }) => !isOfProcesses(name) && (report.mode !== 'none' || value !== undefined))
    .map(({ unavailable, ...reading }) =>
      // What stands below all of it is not said in every line.
      unavailable === undefined || unavailable.reason === report.notice?.reason ? reading : { ...reading, unavailable },
    );
  const ofProcesses = report.readings.filter(({ name }) => isOfProcesses(name));
  const tables = [
    ...(ofCgroup.length === 0 ? [] : [readingsTable('LIMIT', ofCgroup)]),
    ...(ofProcesses.length === 0 ? [] : [readingsTable('OF EACH PROCESS', ofProcesses)]),
  ];
  const [first = '', second = ''] = report.mode === 'none' ? tables.reverse() : tables;
  const remarks = [
    ...(report.live || report.mode === 'none' ? [] : ['These count from the next start on.']),
    ...(report.trial === undefined ? [] : [`On trial until ${report.trial.rollsBackAt}.`]),
    ...(report.undoable === undefined ? [] : [`--undo takes back: ${changesLine(report.undoable)}`]),
    ...(report.notice === undefined ? [] : [report.notice.reason, report.notice.remedy]),
  ];
  return [first, second, remarks.map(printable).join('\n')].filter((part) => part !== '').join('\n\n');
}

function readingsTable(title: string, readings: readonly protocol.LimitReading[]): string {
  const columns: { title: string; cell(reading: protocol.LimitReading): string }[] = [
    { title, cell: ({ name }) => name },
    { title: 'VALUE', cell: ({ name, value }) => shown(name, value) },
    { title: 'USED', cell: ({ name, usage }) => usageText(name, usage) },
    { title: 'PEAK', cell: ({ name, peak }) => usageText(name, peak) },
    {
      title: 'TIGHTER ABOVE',
      cell: ({ name, effective }) => (effective ? `${shown(name, effective.value)} by ${effective.path}` : ''),
    },
    { title: 'NEXT START', cell: ({ name, nextStart }) => (nextStart === undefined ? '' : shown(name, nextStart)) },
    { title: '', cell: ({ unavailable }) => unavailable?.reason ?? '' },
  ];
  // What no row has says nothing.
  const used = columns.filter((column, index) => index < 2 || readings.some((one) => !/^–?$/.test(column.cell(one))));
  return table([used.map((column) => column.title), ...readings.map((one) => used.map(({ cell }) => cell(one)))]);
}

function usageText(name: string, usage: number | undefined): string {
  return usage === undefined ? '–' : protocol.formatUsage(protocol.knobOf(name), usage);
}

/** `memory.max 512 MiB -> 100 MB, pids.max max -> 20` */
function changesLine({ changes }: protocol.LimitEdit): string {
  return changes.map(({ name, before, after }) => `${name} ${shown(name, before)} -> ${shown(name, after)}`).join(', ');
}

/** What was changed, and what the kernel made of it where that is another thing. */
export function outcomeText({ edit, writes, report }: protocol.LimitsOutcome): string {
  if (edit.changes.length === 0) return 'Nothing was in force any more.';
  const rows = edit.changes.map(({ name, before, after }) => [name, shown(name, after), shown(name, before)]);
  const others = writes
    .filter(({ file, data, held }) => file !== '' && held !== undefined && held !== data)
    .map(({ file, data, held }) => printable(`${file}: ${data} was written, ${held} is in force`));
  const later = report.live || edit.changes.every(({ name }) => isOfProcesses(name)) ? [] : ['From the next start on.'];
  return [table([['LIMIT', 'NOW', 'BEFORE'], ...rows]), ...others, ...later].join('\n');
}

const marks = { plain: ' ', warning: '!', danger: '!!' } as const;

/** What would be written, in order, and what would come of it. */
export function previewText({ writes, forecasts }: protocol.LimitsPreview): string {
  const lines = forecasts.map(({ name, severity, text }) => [marks[severity], name, text]);
  const files = writes.map(({ file, name, data }) => [data, '->', file === '' ? `${name} of each process` : file]);
  return [table(lines), ...(files.length === 0 ? [] : [table(files)])].join('\n\n');
}

/** The edits, oldest first. */
export function editsText(edits: readonly protocol.LimitEdit[]): string {
  return table([['AT', 'WHAT', 'CHANGES'], ...edits.map((edit) => [edit.at, edit.kind, changesLine(edit)])]);
}

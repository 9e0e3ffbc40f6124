import { knobOf } from '../../helper/protocol/knobs.js';
import { formatValue } from '../../helper/protocol/notation.js';
import { describeEdit } from './history.js';
import type { Change, How, ShownEdit, ShownReport } from './messages.js';

/** How long a trial lasts, in seconds. */
export const trialSeconds = 30;

export interface ActionsView {
  /** There is something valid to apply, and nothing under way. */
  canApply: boolean;
  /** Applying for a while makes sense: something runs. */
  offersTrial: boolean;
  /** There is a later start that could have other limits. */
  offersRestart: boolean;
  canRevert: boolean;
  /** What Undo takes back, in a few words for the button and in full. */
  undo?: { label: string; description: string };
  /** A trial is on: it can be kept or taken back, and nothing else be tried meanwhile. */
  trial: boolean;
}

/** What can be changed is in force at once: in a control group, or without one of running processes. */
export const takesEffectAtOnce = (report: Pick<ShownReport, 'mode' | 'live' | 'running'>): boolean =>
  report.live || (report.mode === 'none' && report.running === true);

/** Decides which buttons there are. */
export function viewActions(
  report: ShownReport,
  state: { changes: number; invalid: boolean; drafts: number; busy: boolean; gone: boolean },
): ActionsView {
  const idle = !state.busy && !state.gone;
  const { undoable } = report;
  return {
    // While one change is on trial, the helper takes no other.
    canApply: idle && !state.invalid && state.changes > 0 && report.trial === undefined,
    offersTrial: takesEffectAtOnce(report) && report.trial === undefined,
    offersRestart: takesEffectAtOnce(report) && !('cgroup' in report.target),
    canRevert: idle && state.drafts > 0,
    ...(undoable !== undefined && !state.gone && report.trial === undefined && { undo: describeUndo(undoable) }),
    trial: report.trial !== undefined && !state.gone,
  };
}

function describeUndo({ changes }: ShownEdit): { label: string; description: string } {
  const [first] = changes;
  const what = changes.length === 1 && first !== undefined ? knobOf(first.name).title : `${changes.length} changes`;
  const back = changes.map(
    ({ name, before }) => `${knobOf(name).title} to ${formatValue(knobOf(name), before) || 'none'}`,
  );
  return { label: `Undo ${what}`, description: `Undo: back ${back.join(', ')}` };
}

/** What became of applied changes, as the kernel has it: one sentence, and one for each that it rounded. */
export function describeOutcome(changes: readonly Change[], report: ShownReport, how: How): string {
  const count = changes.length === 1 ? '1 limit' : `${changes.length} limits`;
  const done = !takesEffectAtOnce(report)
    ? `Kept ${count} for the next start.`
    : how === 'trial'
      ? `${count} on trial, read back.`
      : how === 'restart'
        ? `Applied ${count} until the next start, and read back.`
        : `Applied ${count} and read back.`;
  const differing = changes.flatMap(({ name, value }) => {
    const held = report.readings.find((reading) => reading.name === name)?.value;
    if (held === undefined || held === value) return [];
    const knob = knobOf(name);
    return [`${knob.title}: ${formatValue(knob, value)} was rounded to ${formatValue(knob, held)} (${held}).`];
  });
  return [done, ...differing].join(' ');
}

/** What was done without this form's doing, when that needs saying: by time, or by somebody else. */
export function describeForeignEdit(edit: ShownEdit): string {
  return edit.kind === 'edit' ? `Changed elsewhere: ${describeEdit(edit)}.` : `${describeEdit(edit)}.`;
}

/** In a line: what is being limited, and when changes take effect. */
export function describeState(report: ShownReport, gone: boolean): string {
  const { mode, live, target } = report;
  if (gone) return '';
  if ('cgroup' in target) return 'Changes take effect at once. They last as long as this control group.';
  const what = 'container' in target ? 'The container' : target.group === '/' ? 'Terrarium' : 'The group';
  if (mode === 'none') {
    const without = `${what} has no control group here: only limits of each process can be set.`;
    if (!('container' in target)) return without;
    return `${without} They take effect ${takesEffectAtOnce(report) ? 'at once' : 'at the next start'}.`;
  }
  const runs = 'container' in target ? 'runs' : 'has running containers';
  return live
    ? `${what} ${runs}: limits take effect at once.`
    : `${what} ${'container' in target ? 'does not run' : 'has no running container'}: limits take effect at the next start.`;
}

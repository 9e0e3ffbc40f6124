import { knobOf, type Preset } from '../../helper/protocol/knobs.js';
import { formatValue } from '../../helper/protocol/notation.js';
import { type ActionsView, describeOutcome, viewActions } from './actions.js';
import { type FieldView, viewField } from './fields.js';
import type { Change, How, MessageToForm, ShownDetails, ShownPreview, ShownReport } from './messages.js';

/** What the form asks for; applying comes with changes. */
export type Asked = How | 'undo' | 'keep';

/** All that the form is drawn from, but for the graphs. What happens gives a new one. */
export interface FormState {
  readonly report: ShownReport | undefined;
  /** The latest sample. */
  readonly details: ShownDetails | undefined;
  /** What was typed and not applied yet, by the name of the limit. */
  readonly drafts: Readonly<Record<string, string>>;
  /** There is nothing left to limit. */
  readonly gone: boolean;
  /** How many requests there have been: the number of the latest. */
  readonly requests: number;
  /** What was asked for and is not answered yet. */
  readonly pending: { request: number; changes: readonly Change[]; how: Asked } | undefined;
  /** The preview that was asked for last, of which changes, and what came of it. */
  readonly preview: { request: number; of: string; shown?: PreviewOutcome } | undefined;
}

export interface PreviewOutcome {
  preview?: ShownPreview | undefined;
  refused?: string | undefined;
}

/** Before the first report. */
export const newForm = (drafts: FormState['drafts']): FormState => ({
  report: undefined,
  details: undefined,
  drafts,
  gone: false,
  requests: 0,
  pending: undefined,
  preview: undefined,
});

// ---- typing ---------------------------------------------------------------------------------------------------------

/** @param text  undefined: what was typed is dropped */
export function withDraft(state: FormState, name: string, text: string | undefined): FormState {
  return { ...state, drafts: text === undefined ? without(state.drafts, [name]) : { ...state.drafts, [name]: text } };
}

/** Types what a preset says into each field that can be written here. */
export function withPreset(state: FormState, values: Preset['values']): FormState {
  const written = Object.entries(values).filter(
    ([name]) => state.report?.readings.find((one) => one.name === name)?.writable === true,
  );
  const drafts = written.map(([name, value]) => [name, formatValue(knobOf(name), value)]);
  return { ...state, drafts: { ...state.drafts, ...Object.fromEntries(drafts) } };
}

// ---- drawing --------------------------------------------------------------------------------------------------------

export interface FormView {
  fields: { name: string; view: FieldView }[];
  /** Of the fields that are valid. */
  changes: Change[];
  /** Some field is not. */
  invalid: boolean;
  actions: ActionsView;
}

/** Decides how all fields and buttons are drawn. */
export function viewForm(state: FormState, report: ShownReport): FormView {
  const { drafts, details, gone, pending } = state;
  // None while it is awaited: the one before spoke of other drafts.
  const preview = state.preview?.shown?.preview;
  const fields = report.readings.map((reading) => ({
    name: reading.name,
    view: viewField({ report, reading, draft: drafts[reading.name], preview, details, gone }),
  }));
  const changes = fields.flatMap(({ name, view }) => (view.change === undefined ? [] : [{ name, value: view.change }]));
  const invalid = fields.some(({ view }) => view.error !== undefined);
  const counts = { changes: changes.length, drafts: Object.keys(drafts).length };
  const actions = viewActions(report, { ...counts, invalid, busy: pending !== undefined, gone });
  return { fields, changes, invalid, actions };
}

// ---- asking ---------------------------------------------------------------------------------------------------------

/** `ask`: a preview of these changes shall be asked for with that number; `cancel`: none that was to be asked for. */
export type PreviewStep = { kind: 'ask'; request: number } | { kind: 'cancel' } | { kind: 'leave' };

/** Decides whether the helper is to be asked what changes would do. */
export function askPreview(state: FormState, changes: readonly Change[]): { state: FormState; step: PreviewStep } {
  const of = JSON.stringify(changes);
  if (changes.length === 0 || state.gone || state.pending !== undefined) {
    // One that is not answered is asked for anew afterwards.
    const kept = changes.length === 0 ? undefined : state.preview;
    return { state: { ...state, preview: kept?.shown && kept }, step: { kind: 'cancel' } };
  }
  if (state.preview?.of === of) return { state, step: { kind: 'leave' } };
  const request = state.requests + 1;
  return { state: { ...state, requests: request, preview: { request, of } }, step: { kind: 'ask', request } };
}

export const needsChanges = (how: Asked): how is How => how !== 'undo' && how !== 'keep';

/** Asking for something: undefined when it cannot be asked for now. */
export function askFor(state: FormState, how: Asked, changes: readonly Change[]): FormState | undefined {
  const needed = needsChanges(how);
  if (state.pending !== undefined || state.gone || (needed && changes.length === 0)) return undefined;
  const request = state.requests + 1;
  return { ...state, requests: request, pending: { request, changes: needed ? changes : [], how } };
}

// ---- what the extension says ----------------------------------------------------------------------------------------

/** What is to be said of a message beside what is drawn; without a status that stays as it is. */
export interface Received {
  state: FormState;
  status?: { text: string; kind: 'plain' | 'error' };
}

/** What becomes of the form by a message; those about graphs and focus change nothing here. */
export function receive(state: FormState, message: MessageToForm): Received {
  switch (message.type) {
    case 'report':
      return receiveReport(state, message);
    case 'preview': {
      if (state.preview === undefined || message.request !== state.preview.request) return { state };
      const shown = { preview: message.preview, refused: message.refused };
      return { state: { ...state, preview: { ...state.preview, shown } } };
    }
    case 'sample':
      return { state: { ...state, details: message.details } };
    case 'gone':
      return { state: { ...state, gone: true, details: undefined } };
    case 'failed': {
      const answered = message.request !== undefined && message.request === state.pending?.request;
      const status = { text: message.message, kind: 'error' } as const;
      return { state: answered ? { ...state, pending: undefined } : state, status };
    }
    default:
      return { state };
  }
}

function receiveReport(before: FormState, message: Extract<MessageToForm, { type: 'report' }>): Received {
  const { report, answers, announce } = message;
  const state: FormState = {
    ...before,
    report,
    gone: false,
    // Samples are newer than a reading until the next one; what does not run has neither.
    details: report.live ? before.details : undefined,
    // What would be written now may be something else than before.
    preview: undefined,
  };
  const { pending } = before;
  if (pending === undefined || answers !== pending.request) {
    return announce === undefined ? { state } : { state, status: { text: announce, kind: 'plain' } };
  }
  const applied = pending.changes.map(({ name }) => name);
  return {
    state: { ...state, pending: undefined, drafts: without(state.drafts, applied) },
    status: { text: describeAnswer(pending, report), kind: 'plain' },
  };
}

function describeAnswer({ how, changes }: NonNullable<FormState['pending']>, report: ShownReport): string {
  if (how === 'undo') return 'Undone, and read back.';
  return how === 'keep' ? 'Kept.' : describeOutcome(changes, report, how);
}

/** Why something failed, with what to do; undefined when the message says it all. */
export function describeFailure({
  cause,
  fix,
  command,
}: Pick<Extract<MessageToForm, { type: 'failed' }>, 'cause' | 'fix' | 'command'>):
  | { reason: string; remedy: string }
  | undefined {
  const reason = [cause, fix].filter((part) => part !== undefined).join(' ');
  return reason === '' && command === undefined ? undefined : { reason, remedy: command ?? '' };
}

const without = (drafts: FormState['drafts'], names: readonly string[]): FormState['drafts'] =>
  Object.fromEntries(Object.entries(drafts).filter(([name]) => !names.includes(name)));

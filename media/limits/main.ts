// The limits form: draws what the extension reports, checks while typing, and asks for changes.
import * as z from 'zod/mini';
import { describeOutcome, describeState, trialSeconds, viewActions } from '../../extension/limits/actions.js';
import { viewField } from '../../extension/limits/fields.js';
import {
  type Change,
  type How,
  type MessageFromForm,
  type MessageToForm,
  messageToForm,
  type ShownDetails,
  type ShownPreview,
  type ShownReport,
} from '../../extension/limits/messages.js';
import { limitTarget } from '../../extension/limits/target.js';
import { knobOf, presets } from '../../helper/protocol/knobs.js';
import { formatValue } from '../../helper/protocol/notation.js';
import { button, element, make, makeButton, onChoose, setRemedy, setText } from './dom.js';
import { LivePanel } from './live.js';
import { PreviewPanel } from './previewPanel.js';
import { SectionList } from './sectionList.js';
import { TrialBar } from './trialBar.js';

declare function acquireVsCodeApi(): {
  postMessage(message: MessageFromForm): void;
  getState(): unknown;
  setState(state: z.infer<typeof savedState>): void;
};

// The policy of the page forbids eval, which the validator would otherwise try for speed.
z.config({ jitless: true });

/** Survives hiding the panel (the page is then thrown away) and a reload of the window. */
const savedState = z.object({
  target: limitTarget,
  drafts: z.record(z.string(), z.string()),
  opened: z.record(z.string(), z.boolean()),
  asTable: z.boolean(),
});

const host = acquireVsCodeApi();
const saved = savedState.safeParse(host.getState());

let report: ShownReport | undefined;
let details: ShownDetails | undefined;
let drafts: Record<string, string> = saved.success ? saved.data.drafts : {};
const opened: Record<string, boolean> = saved.success ? saved.data.opened : {};
let asTable = saved.success && saved.data.asTable;
let gone = false;
let requests = 0;
/** What has been asked for and is not answered yet. */
let pending: { request: number; changes: Change[]; how: How | 'undo' | 'keep' } | undefined;
/** The latest preview that was asked for, and what came of it. */
let preview:
  | { request: number; of: string; shown?: { preview?: ShownPreview | undefined; refused?: string | undefined } }
  | undefined;
let previewTimer: ReturnType<typeof setTimeout> | undefined;

const sections = new SectionList(
  element('sections', HTMLElement),
  () => report?.devices ?? [],
  (name) => ({
    edited: (text) => edit(name, text),
    restored: () => restore(name),
    cleared: () => edit(name, formatValue(knobOf(name), knobOf(name).cleared)),
    copied: () => host.postMessage({ type: 'copyRemedy', of: name }),
  }),
  opened,
  () => save(),
);
const previewPanel = new PreviewPanel(element('preview', HTMLElement));
const live = new LivePanel(element('live', HTMLElement), asTable, 5 * 60_000, (table) => {
  asTable = table;
  save();
});
const trialBar = new TrialBar();

element('presets', HTMLElement).append(
  make('span', {}, 'Start from'),
  ...presets.map(({ title, description, values }) => {
    const chosen = makeButton(title, `${title}: ${description}`, () => {
      for (const [name, value] of Object.entries(values)) {
        const reading = report?.readings.find((one) => one.name === name);
        if (reading?.writable === true) drafts[name] = formatValue(knobOf(name), value);
      }
      edited();
    });
    chosen.classList.add('quiet');
    return chosen;
  }),
);

function edit(name: string, text: string): void {
  drafts[name] = text;
  edited();
}

function restore(name: string): void {
  if (drafts[name] === undefined) return;
  delete drafts[name];
  edited();
}

function edited(): void {
  setStatus('');
  setRemedy('failure', undefined);
  draw();
}

function save(): void {
  if (report !== undefined) host.setState({ target: report.target, drafts, opened, asTable });
}

/** Draws everything from the state above; gives the changes that Apply would ask for. */
function draw(): Change[] {
  if (report === undefined) return [];
  const busy = pending !== undefined;
  setText('name', report.title);
  setText('state', describeState(report, gone));
  setRemedy('notice', report.notice);
  sections.draw(report);
  const current = previewOfDrafts();
  const changes: Change[] = [];
  let invalid = false;
  for (const reading of report.readings) {
    const draft = drafts[reading.name];
    const view = viewField({ report, reading, draft, preview: current?.preview, details, gone });
    sections.fields.get(reading.name)?.draw(view, busy);
    if (view.change !== undefined) changes.push({ name: reading.name, value: view.change });
    if (view.error !== undefined) invalid = true;
  }
  askForPreview(changes);
  drawPreview(changes);
  drawActions(changes, invalid);
  save();
  return invalid ? [] : changes;
}

function drawActions(changes: readonly Change[], invalid: boolean): void {
  if (report === undefined) return;
  const view = viewActions(report, {
    changes: changes.length,
    invalid,
    drafts: Object.keys(drafts).length,
    busy: pending !== undefined,
    gone,
  });
  button('apply').disabled = !view.canApply;
  for (const [id, offered] of [
    ['restart', view.offersRestart],
    ['try', view.offersTrial],
  ] as const) {
    button(id).hidden = !offered;
    button(id).disabled = !view.canApply;
  }
  button('revert').disabled = !view.canRevert;
  const undo = button('undo');
  undo.hidden = view.undo === undefined;
  undo.disabled = pending !== undefined;
  if (view.undo !== undefined) {
    undo.textContent = view.undo.label;
    undo.title = view.undo.description;
    undo.setAttribute('aria-label', view.undo.description);
  }
  trialBar.show(view.trial, pending !== undefined);
  element('presets', HTMLElement).hidden = gone || report.mode === 'none';
}

// ---- the preview: what the helper says of the drafts, a moment after the last key -----------------------------------

const keyOf = (changes: readonly Change[]): string => JSON.stringify(changes);

function askForPreview(changes: Change[]): void {
  const of = keyOf(changes);
  if (changes.length === 0 || gone || pending !== undefined) {
    clearTimeout(previewTimer);
    // One that was not sent yet is asked for anew afterwards.
    if (changes.length === 0 || preview?.shown === undefined) preview = undefined;
    return;
  }
  if (preview?.of === of) return;
  clearTimeout(previewTimer);
  const request = ++requests;
  preview = { request, of };
  previewTimer = setTimeout(() => host.postMessage({ type: 'preview', request, changes }), 250);
}

/** What came of the preview; nothing while it is awaited, since the one before spoke of other drafts. */
const previewOfDrafts = () => preview?.shown;

/** The panel keeps the one before until the next has come: the page would jump with every key. */
function drawPreview(changes: readonly Change[]): void {
  if (changes.length === 0) previewPanel.draw(undefined);
  else if (preview?.shown !== undefined) previewPanel.draw(preview.shown);
}

// ---- asking for changes --------------------------------------------------------------------------------------------

function ask(
  how: NonNullable<typeof pending>['how'],
  message: (request: number, changes: Change[]) => MessageFromForm,
): void {
  const changes = draw();
  const needed = how !== 'undo' && how !== 'keep';
  if (pending !== undefined || gone || (needed && changes.length === 0)) return;
  pending = { request: ++requests, changes: needed ? changes : [], how };
  setStatus(needed ? 'Applying…' : '');
  setRemedy('failure', undefined);
  draw();
  host.postMessage(message(pending.request, changes));
}

const apply = (how: How): void => ask(how, (request, changes) => ({ type: 'apply', request, changes, how }));
const undo = (): void => ask('undo', (request) => ({ type: 'undo', request }));

element('form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  apply('lasting');
});
onChoose(button('restart'), () => apply('restart'));
onChoose(button('try'), () => apply('trial'));
onChoose(button('undo'), undo);
onChoose(button('rollBack'), undo);
onChoose(button('keep'), () => {
  const trial = report?.trial;
  if (trial !== undefined) ask('keep', (request) => ({ type: 'keep', request, edit: trial.edit }));
});
onChoose(button('revert'), () => {
  drafts = {};
  edited();
  host.postMessage({ type: 'reload' });
});
onChoose(button('close'), () => host.postMessage({ type: 'close' }));
onChoose(button('notice-copy'), () => host.postMessage({ type: 'copyRemedy', of: 'notice' }));
onChoose(button('failure-copy'), () => host.postMessage({ type: 'copyRemedy', of: 'failure' }));

// ---- what the extension says ----------------------------------------------------------------------------------------

window.addEventListener('message', (event) => {
  const parsed = messageToForm.safeParse(event.data);
  if (!parsed.success) {
    // Anybody may post to a window; what is not ours is not shown, but said where a developer looks.
    console.warn('Terrarium: a message that is none of the form’s was ignored');
    return;
  }
  receive(parsed.data);
});

function receive(message: MessageToForm): void {
  switch (message.type) {
    case 'report':
      takeReport(message);
      break;
    case 'preview':
      if (message.request !== preview?.request) return;
      preview.shown = { preview: message.preview, refused: message.refused };
      break;
    case 'history':
      live.setHistory(message.samples, message.marks);
      return;
    case 'sample':
      details = message.details;
      live.addMarks(message.marks);
      live.add(message.sample, message.details);
      break;
    case 'marks':
      live.addMarks(message.marks);
      return;
    case 'focus':
      sections.focus(message.name);
      return;
    case 'gone':
      gone = true;
      details = undefined;
      setText('gone-text', message.message);
      element('gone', HTMLElement).hidden = false;
      break;
    case 'failed':
      if (message.request !== undefined && message.request === pending?.request) pending = undefined;
      setStatus(message.message, 'error');
      setRemedy('failure', describeFailure(message));
      break;
  }
  draw();
}

function takeReport(message: Extract<MessageToForm, { type: 'report' }>): void {
  report = message.report;
  gone = false;
  element('gone', HTMLElement).hidden = true;
  // Samples are newer than a reading until the next one; what does not run has neither.
  if (!report.live) details = undefined;
  // What would be written now may be something else than before.
  preview = undefined;
  trialBar.set(report.trial === undefined ? undefined : message.trialLeft);
  if (message.announce !== undefined) setStatus(message.announce);
  if (pending === undefined || message.answers !== pending.request) return;
  const { changes, how } = pending;
  pending = undefined;
  for (const { name } of changes) delete drafts[name];
  if (how === 'undo') setStatus('Undone, and read back.');
  else if (how === 'keep') setStatus('Kept.');
  else setStatus(describeOutcome(changes, report, how));
}

function describeFailure({ cause, fix, command }: Extract<MessageToForm, { type: 'failed' }>) {
  const reason = [cause, fix].filter((part) => part !== undefined).join(' ');
  return reason === '' && command === undefined ? undefined : { reason, remedy: command ?? '' };
}

function setStatus(text: string, kind: 'plain' | 'error' = 'plain'): void {
  setText('status', text);
  element('status', HTMLElement).dataset.kind = kind;
}

button('try').textContent = `Try for ${trialSeconds} s`;
host.postMessage({ type: 'ready' });

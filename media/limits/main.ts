// The limits form: draws what the extension reports, checks while typing, and asks for changes.
import { describeState } from '../../extension/limits/actions.js';
import {
  type Asked,
  askFor,
  askPreview,
  describeFailure,
  type FormState,
  needsChanges,
  newForm,
  receive,
  viewForm,
  withDraft,
  withPreset,
} from '../../extension/limits/formState.js';
import { type Change, type MessageToForm, messageToForm } from '../../extension/limits/messages.js';
import { knobOf } from '../../helper/protocol/knobs.js';
import { formatValue } from '../../helper/protocol/notation.js';
import { ActionBar } from './actionBar.js';
import { button, element, onChoose, setRemedy, setText } from './dom.js';
import { loadState, post, saveState } from './host.js';
import { LivePanel } from './live.js';
import { PresetBar } from './presetBar.js';
import { PreviewPanel } from './previewPanel.js';
import { SectionList } from './sectionList.js';
import { clearStatus, setStatus } from './statusLine.js';
import { TrialBar } from './trialBar.js';

/** Milliseconds after the last key until the helper is asked what the drafts would do. */
const previewDelay = 250;

const saved = loadState();
let state = newForm(saved?.drafts ?? {});
const opened = saved?.opened ?? {};
let asTable = saved?.asTable ?? false;
let previewTimer: ReturnType<typeof setTimeout> | undefined;

const sections = new SectionList(
  element('sections', HTMLElement),
  () => state.report?.devices ?? [],
  (name) => ({
    edited: (text) => edited(withDraft(state, name, text)),
    restored: () => {
      if (state.drafts[name] !== undefined) edited(withDraft(state, name, undefined));
    },
    cleared: () => edited(withDraft(state, name, formatValue(knobOf(name), knobOf(name).cleared))),
    copied: () => post({ type: 'copyRemedy', of: name }),
  }),
  opened,
  () => save(),
);
const presetBar = new PresetBar((values) => edited(withPreset(state, values)));
const previewPanel = new PreviewPanel(element('preview', HTMLElement));
const live = new LivePanel(element('live', HTMLElement), asTable, 5 * 60_000, (table) => {
  asTable = table;
  save();
});
const trialBar = new TrialBar();
const actionBar = new ActionBar({
  asked: ask,
  reverted: () => {
    edited({ ...state, drafts: {} });
    post({ type: 'reload' });
  },
});
onChoose(button('close'), () => post({ type: 'close' }));
onChoose(button('notice-copy'), () => post({ type: 'copyRemedy', of: 'notice' }));
onChoose(button('failure-copy'), () => post({ type: 'copyRemedy', of: 'failure' }));

function edited(next: FormState): void {
  state = next;
  clearStatus();
  draw();
}

function save(): void {
  const { report, drafts } = state;
  if (report !== undefined) saveState({ target: report.target, drafts: { ...drafts }, opened, asTable });
}

/** Draws everything from the state above; gives the changes that Apply would ask for. */
function draw(): Change[] {
  const { report, gone } = state;
  if (report === undefined) return [];
  const busy = state.pending !== undefined;
  setText('name', report.title);
  setText('state', describeState(report, gone));
  setRemedy('notice', report.notice);
  sections.draw(report);
  const { fields, changes, invalid, actions } = viewForm(state, report);
  for (const { name, view } of fields) sections.fields.get(name)?.draw(view, busy);
  askForPreview(changes);
  // The panel keeps the one before until the next has come: the page would jump with every key.
  if (changes.length === 0) previewPanel.draw(undefined);
  else if (state.preview?.shown !== undefined) previewPanel.draw(state.preview.shown);
  actionBar.draw(actions, busy);
  trialBar.show(actions.trial, busy);
  presetBar.show(!gone && report.mode !== 'none');
  save();
  return invalid ? [] : changes;
}

function askForPreview(changes: Change[]): void {
  const asked = askPreview(state, changes);
  state = asked.state;
  const { step } = asked;
  if (step.kind === 'leave') return;
  clearTimeout(previewTimer);
  if (step.kind === 'cancel') return;
  previewTimer = setTimeout(() => post({ type: 'preview', request: step.request, changes }), previewDelay);
}

function ask(how: Asked): void {
  const trial = state.report?.trial;
  if (how === 'keep' && trial === undefined) return;
  const changes = draw();
  const asked = askFor(state, how, changes);
  if (asked?.pending === undefined) return;
  state = asked;
  clearStatus(needsChanges(how) ? 'Applying…' : '');
  draw();
  const { request } = asked.pending;
  if (needsChanges(how)) post({ type: 'apply', request, changes, how });
  else if (how === 'undo') post({ type: 'undo', request });
  else if (trial !== undefined) post({ type: 'keep', request, edit: trial.edit });
}

window.addEventListener('message', (event) => {
  const parsed = messageToForm.safeParse(event.data);
  if (!parsed.success) {
    // Anybody may post to a window; what is not ours is not shown, but said where a developer looks.
    console.warn('Terrarium: a message that is none of the form’s was ignored');
    return;
  }
  take(parsed.data);
});

function take(message: MessageToForm): void {
  if (takenByParts(message)) return;
  const received = receive(state, message);
  state = received.state;
  if (received.status !== undefined) setStatus(received.status.text, received.status.kind);
  if (message.type === 'failed') setRemedy('failure', describeFailure(message));
  element('gone', HTMLElement).hidden = !state.gone;
  draw();
}

/** Tells the parts of the page what is theirs alone; true when there is nothing else in a message. */
function takenByParts(message: MessageToForm): boolean {
  switch (message.type) {
    case 'history':
      live.setHistory(message.samples, message.marks);
      return true;
    case 'marks':
      live.addMarks(message.marks);
      return true;
    case 'focus':
      sections.focus(message.name);
      return true;
    case 'sample':
      live.addMarks(message.marks);
      live.add(message.sample, message.details);
      return false;
    case 'report':
      trialBar.set(message.report.trial === undefined ? undefined : message.trialLeft);
      return false;
    case 'gone':
      setText('gone-text', message.message);
      return false;
    default:
      return false;
  }
}

post({ type: 'ready' });

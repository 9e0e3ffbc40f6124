// The limits form: draws what the extension reports, checks while typing, and asks for changes.
import '@vscode-elements/elements/dist/vscode-label/index.js';
import * as z from 'zod/mini';
import { describeEvents, describeReadBack, fields, viewField } from '../../extension/limits/fields.js';
import {
  type MessageFromForm,
  type MessageToForm,
  messageToForm,
  type ShownReport,
} from '../../extension/limits/messages.js';
import type { LimitChange } from '../../helper/protocol/limits.js';
import { formatValue } from '../../helper/protocol/notation.js';
import { button, element, setRemedy, setText } from './dom.js';
import { LimitField } from './limitField.js';

declare function acquireVsCodeApi(): {
  postMessage(message: MessageFromForm): void;
  getState(): unknown;
  setState(state: z.infer<typeof savedState>): void;
};

// The policy of the page forbids eval, which the validator would otherwise try for speed.
z.config({ jitless: true });

/** Survives hiding the panel (the page is then thrown away) and a reload of the window. */
const savedState = z.object({ container: z.string(), drafts: z.record(z.string(), z.string()) });

const host = acquireVsCodeApi();
const form = element('form', HTMLFormElement);
const apply = button('apply');
const revert = button('revert');

let shown: Extract<MessageToForm, { type: 'report' }> | undefined;
let usage: Partial<Record<string, number>> = {};
let drafts: Record<string, string> = {};
let requests = 0;
let pending: { request: number; changes: LimitChange[] } | undefined;

const limitFields = new Map(
  fields.map((knob) => [
    knob.name,
    new LimitField(knob.name, {
      edited: (text) => edit(knob.name, text),
      cleared: () => edit(knob.name, formatValue(knob, knob.cleared)),
      copied: () => host.postMessage({ type: 'copyRemedy', of: knob.name }),
    }),
  ]),
);

function edit(name: string, text: string): void {
  drafts[name] = text;
  setStatus('');
  setRemedy('failure', undefined);
  draw();
}

/** Draws everything from the state above; gives the changes that Apply would ask for. */
function draw(): LimitChange[] {
  if (shown === undefined) return [];
  const { report, name } = shown;
  setText('name', name);
  setText('state', describeState(report));
  setRemedy('notice', report.notice);
  setText('events', describeEvents(report.events));
  const changes: LimitChange[] = [];
  let invalid = false;
  for (const reading of report.readings) {
    const draft = drafts[reading.name];
    const view = viewField(report, reading, draft, usage[reading.name]);
    limitFields.get(reading.name)?.draw(view, pending !== undefined);
    if (view.change !== undefined) changes.push({ name: reading.name, value: view.change });
    if (view.error !== undefined) invalid = true;
  }
  apply.disabled = invalid || changes.length === 0 || pending !== undefined;
  revert.disabled = Object.keys(drafts).length === 0 || pending !== undefined;
  host.setState({ container: report.target.container, drafts });
  return invalid ? [] : changes;
}

function describeState({ mode, live }: ShownReport): string {
  if (mode === 'none') return 'This machine gives no limits to set.';
  return live
    ? 'The container is running: limits take effect at once.'
    : 'The container is not running: limits take effect at its next start.';
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const changes = draw();
  if (changes.length === 0 || pending !== undefined) return;
  pending = { request: ++requests, changes };
  setStatus('Applying…');
  setRemedy('failure', undefined);
  draw();
  host.postMessage({ type: 'apply', ...pending });
});

revert.addEventListener('click', () => {
  if (revert.disabled) return;
  drafts = {};
  setStatus('');
  setRemedy('failure', undefined);
  draw();
  host.postMessage({ type: 'reload' });
});
button('notice-copy').addEventListener('click', () => host.postMessage({ type: 'copyRemedy', of: 'notice' }));
button('failure-copy').addEventListener('click', () => host.postMessage({ type: 'copyRemedy', of: 'failure' }));

window.addEventListener('message', (event) => {
  const parsed = messageToForm.safeParse(event.data);
  if (!parsed.success) {
    // Anybody may post to a window; what is not ours is not shown, but said where a developer looks.
    console.warn('Terrarium: a message that is none of the form’s was ignored');
    return;
  }
  const message = parsed.data;
  switch (message.type) {
    case 'report':
      shown = message;
      // Samples are newer than a reading until the next one; a stopped container has neither.
      if (!message.report.live) usage = {};
      if (pending !== undefined && message.applied === pending.request) {
        for (const { name } of pending.changes) delete drafts[name];
        setStatus(describeReadBack(pending.changes, message.report));
        pending = undefined;
      }
      break;
    case 'usage':
      usage = { ...usage, ...message.usage };
      break;
    case 'focus':
      limitFields.get(message.name)?.focus();
      break;
    case 'failed':
      if (message.request !== undefined && message.request === pending?.request) pending = undefined;
      setStatus(message.message, 'error');
      setRemedy('failure', describeFailure(message));
      break;
  }
  draw();
});

function describeFailure({ cause, fix, command }: Extract<MessageToForm, { type: 'failed' }>) {
  const reason = [cause, fix].filter((part) => part !== undefined).join(' ');
  return reason === '' && command === undefined ? undefined : { reason, remedy: command ?? '' };
}

function setStatus(text: string, kind: 'plain' | 'error' = 'plain'): void {
  setText('status', text);
  element('status', HTMLElement).dataset.kind = kind;
}

const saved = savedState.safeParse(host.getState());
if (saved.success) drafts = saved.data.drafts;
host.postMessage({ type: 'ready' });

// The overview: draws what the extension reports once a second, and asks for what buttons and keys say.
import * as z from 'zod/mini';
import type { Sorting } from '../../extension/overview/columns.js';
import { type MessageFromPage, type MessageToPage, messageToPage } from '../../extension/overview/messages.js';
import { TrailBook, usesOf } from '../../extension/overview/trails.js';
import { element, setText } from './dom.js';
import { Table } from './table.js';

declare function acquireVsCodeApi(): {
  postMessage(message: MessageFromPage): void;
  getState(): unknown;
  setState(state: Sorting): void;
};

// The policy of the page forbids eval, which the validator would otherwise try for speed.
z.config({ jitless: true });

/** Survives hiding the panel (the page is then thrown away) and a reload of the window. */
const savedSorting = z.object({ column: z.string(), descending: z.boolean() });

const host = acquireVsCodeApi();
const trails = new TrailBook();
const saved = savedSorting.safeParse(host.getState());
let shown: Extract<MessageToPage, { type: 'rows' }> | undefined;

const table = new Table(saved.success ? saved.data : { column: 'cpu', descending: true }, trails, {
  sorted: (sorting) => {
    host.setState(sorting);
    draw();
  },
  act: (action, key) => host.postMessage({ type: 'act', action, key }),
});

function draw(): void {
  if (shown === undefined) return;
  const empty = shown.rows.length === 0;
  element('empty', HTMLElement).hidden = !empty;
  element('table', HTMLElement).hidden = empty;
  if (!empty) table.draw(shown);
}

function fail(message: string): void {
  const failure = element('failure', HTMLElement);
  setText(failure, message);
  failure.hidden = message === '';
}

element('launch', HTMLButtonElement).addEventListener('click', () => host.postMessage({ type: 'launch' }));

window.addEventListener('message', (event) => {
  const parsed = messageToPage.safeParse(event.data);
  if (!parsed.success) {
    // Anybody may post to a window; what is not ours is not shown, but said where a developer looks.
    console.warn('Terrarium: a message that is none of the overview’s was ignored');
    return;
  }
  const message = parsed.data;
  switch (message.type) {
    case 'rows':
      shown = message;
      fail('');
      if (message.sampled) trails.add(usesOf(message));
      draw();
      break;
    case 'trails':
      trails.take(message.trails);
      break;
    case 'failed':
      fail(message.message);
      break;
  }
});

host.postMessage({ type: 'ready' });

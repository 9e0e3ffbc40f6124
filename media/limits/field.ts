import '@vscode-elements/elements/dist/vscode-label/index.js';
import '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import type { FieldView } from '../../extension/limits/fields.js';
import type { ShownReport } from '../../extension/limits/messages.js';
import { type Knob, knobOf } from '../../helper/protocol/knobs.js';
import { deviceEditor } from './deviceEditor.js';
import { make, makeButton, showText } from './dom.js';
import { flagEditor, type MakeEditor, textEditor, type ValueEditor } from './editors.js';

export interface FieldEvents {
  edited(text: string): void;
  /** Escape: what was typed is dropped. */
  restored(): void;
  cleared(): void;
  copied(): void;
}

function editorFor(knob: Knob, devices: () => ShownReport['devices']): MakeEditor {
  switch (knob.kind) {
    case 'flag':
      return flagEditor;
    case 'ioMax':
    case 'ioWeight':
      return deviceEditor(knob.kind, devices);
    default:
      return textEditor;
  }
}

/** The words of the button that takes a limit away. */
function clearText(knob: Knob): string {
  if (knob.kind === 'list') return 'As Above';
  return knob.cleared === 'max' || knob.kind === 'cpuMax' || knob.kind === 'ioMax' ? 'No Limit' : 'Default';
}

/** One limit: its name, what it does, what it is edited in, and what is known of it. It decides nothing: a `FieldView` says it all. */
export class Field {
  readonly element: HTMLElement;
  private readonly editor: ValueEditor;
  private readonly clear: ReturnType<typeof makeButton> | undefined;
  private readonly verdict = make('p', { className: 'verdict' });
  private readonly exact = make('code', { className: 'exact' });
  private readonly bar = make('vscode-progress-bar', { hidden: true });
  private readonly usageText = make('span');
  private readonly usage: HTMLElement;
  private readonly notes = make('ul', { className: 'notes' });
  private readonly remedy: HTMLElement;
  private readonly reason = make('p');
  private readonly remedyText = make('pre', { tabIndex: 0 });
  private readonly help: string;

  constructor(name: string, devices: () => ShownReport['devices'], events: FieldEvents) {
    const knob = knobOf(name);
    this.help = knob.help;
    const id = name.replaceAll('.', '-');
    this.editor = editorFor(knob, devices)(knob, id, events.edited);
    const flag = knob.kind === 'flag';
    const rows = knob.kind === 'ioMax' || knob.kind === 'ioWeight';
    const title = make('div', { className: 'title' }, make('span', {}, knob.title));
    if (knob.title !== name) title.append(make('code', {}, name));
    if (!flag && knob.kind !== 'number') {
      const words = clearText(knob);
      this.clear = makeButton(words, `${words} for ${knob.title}`, events.cleared);
    } else if (!flag) {
      this.clear = makeButton('Default', `Default for ${knob.title}`, events.cleared);
    }
    if (this.clear !== undefined) this.clear.classList.add('quiet');
    this.bar.ariaLabel = `${knob.title} in use`;
    this.usage = make('div', { className: 'usage' }, this.bar, this.usageText);
    const row = make('div', { className: rows ? 'rows' : 'row' }, this.editor.element);
    if (this.clear !== undefined) row.append(this.clear);
    row.append(this.exact);
    // What is wrong, and what will be written, is read out while typing.
    const live = make('div', {}, this.verdict);
    live.setAttribute('aria-live', 'polite');
    this.remedyText.setAttribute('role', 'region');
    this.remedyText.setAttribute('aria-label', `What to do about ${knob.title}`);
    const copy = makeButton('Copy', `Copy what to do about ${knob.title}`, events.copied);
    this.remedy = make('div', { className: 'remedy', hidden: true }, this.reason, this.remedyText, copy);
    this.element = make(
      'div',
      { className: 'field' },
      make('div', { className: 'field-head' }, title, this.usage),
      make('p', { className: 'help' }, knob.help),
      row,
      live,
      this.notes,
      this.remedy,
    );
    this.element.setAttribute('role', 'group');
    this.element.setAttribute('aria-label', knob.title);
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      events.restored();
    });
  }

  draw(view: FieldView, busy: boolean): void {
    const description = [view.error, view.exact, this.help, ...view.notes].filter(Boolean).join(' ');
    const { text, disabled } = view;
    this.editor.draw({ text, disabled, readonly: busy, invalid: view.error !== undefined, description });
    if (this.clear !== undefined) this.clear.disabled = disabled || busy || view.cleared;
    this.element.classList.toggle('changed', view.change !== undefined || view.error !== undefined);
    showText(this.verdict, view.error ?? '');
    this.verdict.dataset.kind = 'error';
    showText(this.exact, view.exact ?? '');
    showText(this.usageText, view.usage?.text ?? '');
    this.usage.hidden = view.usage === undefined;
    this.bar.hidden = view.usage?.percent === undefined;
    this.bar.value = view.usage?.percent ?? 0;
    this.bar.classList.toggle('full', (view.usage?.percent ?? 0) >= 90);
    this.drawNotes(view.notes);
    this.remedy.hidden = view.unavailable === undefined;
    showText(this.reason, view.unavailable?.reason ?? '');
    showText(this.remedyText, view.unavailable?.remedy ?? '');
  }

  /** Scrolls to the field and puts the cursor into it. */
  focus(): void {
    this.element.scrollIntoView({ block: 'center' });
    this.editor.focus();
  }

  private drawNotes(notes: readonly string[]): void {
    const shown = [...this.notes.children].map(({ textContent }) => textContent);
    if (shown.join('\n') !== notes.join('\n')) this.notes.replaceChildren(...notes.map((note) => make('li', {}, note)));
    this.notes.hidden = notes.length === 0;
  }
}

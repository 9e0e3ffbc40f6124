import type { VscodeButton } from '@vscode-elements/elements/dist/vscode-button/index.js';
import { VscodeProgressBar } from '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import { VscodeTextfield } from '@vscode-elements/elements/dist/vscode-textfield/index.js';
import type { FieldView } from '../../extension/limits/fields.js';
import { elementId } from '../../extension/limits/html.js';
import { button, element, setRemedy, setText } from './dom.js';

export interface LimitFieldEvents {
  edited(text: string): void;
  cleared(): void;
  copied(): void;
}

/** The elements of one limit. It decides nothing: a `FieldView` says it all. */
export class LimitField {
  private readonly id: string;
  private readonly input: VscodeTextfield;
  private readonly clear: VscodeButton;
  private readonly bar: VscodeProgressBar;

  constructor(name: string, events: LimitFieldEvents) {
    this.id = elementId(name);
    this.input = element(this.id, VscodeTextfield);
    this.clear = button(`${this.id}-clear`);
    this.bar = element(`${this.id}-bar`, VscodeProgressBar);
    this.input.addEventListener('input', () => events.edited(this.input.value));
    this.clear.addEventListener('click', () => {
      if (!this.clear.disabled) events.cleared();
    });
    button(`${this.id}-copy`).addEventListener('click', () => events.copied());
  }

  draw(view: FieldView, busy: boolean): void {
    // Writing the same text back would move the caret of who types.
    if (this.input.value !== view.text) this.input.value = view.text;
    this.input.disabled = view.disabled;
    this.input.readonly = busy;
    this.clear.disabled = view.disabled || busy;
    this.input.invalid = view.error !== undefined;
    const verdict = view.error ?? '';
    setText(`${this.id}-verdict`, verdict);
    element(`${this.id}-verdict`, HTMLElement).dataset.kind = view.error !== undefined ? 'error' : 'plain';
    setText(`${this.id}-writes`, view.writes ?? '');
    this.describeInput(view.error !== undefined, [verdict, view.writes].filter(Boolean).join(' '));
    setText(`${this.id}-force`, view.inForce);
    setText(`${this.id}-enclosing`, view.enclosing ?? '');
    setText(`${this.id}-usage`, view.usage?.text ?? '');
    this.bar.hidden = view.usage?.percent === undefined;
    this.bar.value = view.usage?.percent ?? 0;
    setRemedy(this.id, view.unavailable);
  }

  /** Scrolls to the field and puts the cursor into it. */
  focus(): void {
    this.input.scrollIntoView({ block: 'center' });
    void this.input.updateComplete.then(() => this.input.wrappedElement.focus());
  }

  /** The input sits in the component's shadow, where ids of the page mean nothing: its description is given as text. */
  private describeInput(invalid: boolean, description: string): void {
    void this.input.updateComplete.then(() => {
      const inner = this.input.wrappedElement;
      inner.setAttribute('aria-invalid', String(invalid));
      inner.setAttribute('aria-description', description);
    });
  }
}

import '@vscode-elements/elements/dist/vscode-checkbox/index.js';
import '@vscode-elements/elements/dist/vscode-textarea/index.js';
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import type { VscodeTextarea } from '@vscode-elements/elements/dist/vscode-textarea/index.js';
import type { VscodeTextfield } from '@vscode-elements/elements/dist/vscode-textfield/index.js';
import type { Knob } from '../../helper/protocol/knobs.js';
import { examplesOf } from '../../helper/protocol/notation.js';
import { make } from './dom.js';

export interface EditorState {
  /** In people's words. */
  text: string;
  disabled: boolean;
  /** Shown, but not to be changed for a moment. */
  readonly: boolean;
  invalid: boolean;
  /** What a screen reader says beside the name. */
  description: string;
}

/** What the value of a knob is edited in. */
export interface ValueEditor {
  readonly element: HTMLElement;
  draw(state: EditorState): void;
  focus(): void;
}

/** @param edited  told the new text, in people's words */
export type MakeEditor = (knob: Knob, id: string, edited: (text: string) => void) => ValueEditor;

/** A line of text; several, where the kernel's file has several. */
export const textEditor: MakeEditor = (knob, id, edited) => {
  const long = knob.kind === 'text';
  const input: VscodeTextfield | VscodeTextarea = long
    ? make('vscode-textarea', { rows: 2 })
    : make('vscode-textfield');
  input.id = id;
  input.placeholder = examplesOf(knob);
  input.label = nameOf(knob);
  if (long) input.classList.add('long');
  input.addEventListener('input', () => edited(input.value));
  return {
    element: input,
    draw: (state) => {
      // Writing the same text back would move the caret of who types.
      if (input.value !== state.text) input.value = state.text;
      input.disabled = state.disabled;
      input.readonly = state.readonly;
      input.invalid = state.invalid;
      describeInner(input, state);
    },
    focus: () => void input.updateComplete.then(() => input.wrappedElement.focus()),
  };
};

/** On or off. */
export const flagEditor: MakeEditor = (knob, id, edited) => {
  const box = make('vscode-checkbox', { id, label: knob.title });
  box.addEventListener('change', () => edited(box.checked ? 'on' : 'off'));
  return {
    element: box,
    draw: ({ text, disabled, readonly }) => {
      const checked = text === 'on';
      if (box.checked !== checked) box.checked = checked;
      box.disabled = disabled || readonly;
    },
    focus: () => box.focus(),
  };
};

/** The accessible name of what edits a knob: in people's words and in the kernel's. */
export const nameOf = (knob: Knob): string => (knob.title === knob.name ? knob.name : `${knob.title}, ${knob.name}`);

/** The input sits in the component's shadow, where ids of the page mean nothing: its description is given as text. */
export function describeInner(
  input: VscodeTextfield | VscodeTextarea,
  { invalid, description }: Pick<EditorState, 'invalid' | 'description'>,
): void {
  void input.updateComplete.then(() => {
    const inner = input.wrappedElement;
    for (const [name, value] of [
      ['aria-invalid', String(invalid)],
      ['aria-description', description],
    ] as const) {
      if (inner.getAttribute(name) !== value) inner.setAttribute(name, value);
    }
  });
}

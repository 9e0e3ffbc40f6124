import { VscodeButton } from '@vscode-elements/elements/dist/vscode-button/index.js';

/** The element of that id; the page is ours, so a missing one is a defect. */
export function element<T extends HTMLElement>(id: string, type: abstract new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} “${id}”`);
  return found;
}

export function button(id: string): VscodeButton {
  return element(id, VscodeButton);
}

/** A new element with properties and children; text among them stays text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Sets text as text, and hides what has none. Nothing is touched when it is there already: screen readers speak of every change. */
export function showText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
  target.hidden = text === '';
}

export const setText = (id: string, text: string): void => showText(element(id, HTMLElement), text);

/** A button does what it says when it is chosen, unless it is disabled. */
export function onChoose(target: VscodeButton, action: () => void): void {
  target.addEventListener('click', () => {
    if (!target.disabled) action();
  });
}

export function makeButton(text: string, accessibleName: string, action: () => void): VscodeButton {
  const made = make('vscode-button', { textContent: text, secondary: true });
  made.setAttribute('aria-label', accessibleName);
  made.title = accessibleName;
  onChoose(made, action);
  return made;
}

/** Shows or hides a reason with its remedy; see `remedyBlock` of the page. */
export function setRemedy(id: string, shown: { reason: string; remedy: string } | undefined): void {
  element(`${id}-remedy`, HTMLElement).hidden = shown === undefined;
  setText(`${id}-reason`, shown?.reason ?? '');
  setText(`${id}-text`, shown?.remedy ?? '');
  element(`${id}-copy`, HTMLElement).hidden = (shown?.remedy ?? '') === '';
}

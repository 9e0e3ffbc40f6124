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

/** Sets text as text. Nothing is touched when it is there already: screen readers speak of every change. */
export function setText(id: string, text: string): void {
  const target = element(id, HTMLElement);
  if (target.textContent !== text) target.textContent = text;
  target.hidden = text === '';
}

/** Shows or hides a reason with its remedy; see `remedyBlock` of the page. */
export function setRemedy(id: string, shown: { reason: string; remedy: string } | undefined): void {
  element(`${id}-remedy`, HTMLElement).hidden = shown === undefined;
  setText(`${id}-reason`, shown?.reason ?? '');
  setText(`${id}-text`, shown?.remedy ?? '');
  element(`${id}-copy`, HTMLElement).hidden = (shown?.remedy ?? '') === '';
}

import { element, setRemedy, setText } from './dom.js';

/** Says what became of what was asked for: read out at once by screen readers. */
export function setStatus(text: string, kind: 'plain' | 'error' = 'plain'): void {
  setText('status', text);
  element('status', HTMLElement).dataset.kind = kind;
}

/** Takes away what was said of something that is over. */
export function clearStatus(text = ''): void {
  setStatus(text);
  setRemedy('failure', undefined);
}

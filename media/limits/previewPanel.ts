import { baseName } from '../../extension/limits/fields.js';
import type { ShownPreview } from '../../extension/limits/messages.js';
import { knobOf } from '../../helper/protocol/knobs.js';
import { make } from './dom.js';

const severities = ['danger', 'warning', 'plain'] as const;

/** What Apply will do: forecasts, the gravest first, and the writes in their order. */
export class PreviewPanel {
  private drawn = '';

  constructor(private readonly target: HTMLElement) {}

  draw(shown: { preview?: ShownPreview | undefined; refused?: string | undefined } | undefined): void {
    const text = JSON.stringify(shown ?? null);
    if (text === this.drawn) return;
    this.drawn = text;
    const parts: HTMLElement[] = [];
    if (shown?.refused !== undefined) parts.push(verdict('error', shown.refused));
    if (shown?.preview !== undefined) {
      const { forecasts, writes } = shown.preview;
      for (const severity of severities) {
        for (const one of forecasts.filter((forecast) => forecast.severity === severity)) {
          parts.push(verdict(severity, `${knobOf(one.name).title}: ${one.text}`));
        }
      }
      if (writes.length > 0) parts.push(writeList(writes));
    }
    this.target.hidden = parts.length === 0;
    this.target.replaceChildren(...parts);
  }
}

function verdict(kind: string, text: string): HTMLElement {
  const made = make('p', { className: 'verdict' }, text);
  made.dataset.kind = kind;
  return made;
}

function writeList(writes: ShownPreview['writes']): HTMLElement {
  const list = make(
    'ol',
    { className: 'writes' },
    ...writes.map(({ file, name, data }) => {
      const short = baseName(file) || name;
      const line = make(
        'li',
        {},
        make('code', {}, `${short} ← ${data === '' ? '(empty)' : data.replaceAll('\n', '; ')}`),
      );
      line.title = file === '' ? name : file;
      return line;
    }),
  );
  list.setAttribute('aria-label', 'What is written, in this order');
  return list;
}

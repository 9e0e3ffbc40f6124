import type { ShownReport } from '../../extension/limits/messages.js';
import { type Section, sectionsOf, summaryOf } from '../../extension/limits/sections.js';
import { make, showText } from './dom.js';
import { Field, type FieldEvents } from './field.js';

/** The sections of the form with their fields, made when the report first names them. */
export class SectionList {
  readonly fields = new Map<string, Field>();
  private readonly summaries = new Map<string, HTMLElement>();
  private made = '';

  /** @param opened  what the person opened and closed, by section; kept by the caller over reloads of the page */
  constructor(
    private readonly target: HTMLElement,
    private readonly devices: () => ShownReport['devices'],
    private readonly events: (name: string) => FieldEvents,
    private readonly opened: Record<string, boolean>,
    private readonly toggled: () => void,
  ) {}

  /** Makes what is new; other elements stay, with the focus and the caret in them. */
  draw(report: ShownReport): void {
    const sections = sectionsOf(report);
    const shape = JSON.stringify(sections.map(({ id, everyday, more }) => [id, everyday, more].map(namesIn)));
    if (shape !== this.made) {
      this.made = shape;
      this.fields.clear();
      this.summaries.clear();
      this.target.replaceChildren(...sections.map((section) => this.build(section)));
    }
    for (const section of sections) {
      const summary = this.summaries.get(section.id);
      if (summary !== undefined) showText(summary, summaryOf(section));
    }
  }

  /** Opens what a field is in, and puts the cursor there. */
  focus(name: string): void {
    const field = this.fields.get(name);
    if (field === undefined) return;
    for (let at = field.element.parentElement; at !== null; at = at.parentElement) {
      if (at instanceof HTMLDetailsElement) at.open = true;
    }
    field.focus();
  }

  private build(section: Section): HTMLElement {
    const summary = make('span', { className: 'summary' });
    this.summaries.set(section.id, summary);
    const heading = make('summary', {}, make('h2', {}, section.title), summary);
    const body = make('div', { className: 'body' });
    if (section.explanation !== undefined) body.append(make('p', { className: 'explanation' }, section.explanation));
    body.append(...section.everyday.map(({ name }) => this.field(name)));
    if (section.more.length > 0) body.append(this.buildMore(section));
    return this.disclosure(section.id, section.open, 'section', heading, body);
  }

  private buildMore({ id, title, more, moreOpen }: Section): HTMLElement {
    const heading = make('summary', {}, `More of ${title.length > 3 ? title.toLowerCase() : title}`);
    return this.disclosure(`${id}/more`, moreOpen, 'more', heading, ...more.map(({ name }) => this.field(name)));
  }

  private disclosure(key: string, open: boolean, className: string, ...children: HTMLElement[]): HTMLElement {
    const made = make('details', { className, open: this.opened[key] ?? open }, ...children);
    // Only what a person opened or closed is remembered; a toggle event would tell of the first opening too.
    made.querySelector(':scope > summary')?.addEventListener('click', () => {
      this.opened[key] = !made.open;
      this.toggled();
    });
    return made;
  }

  private field(name: string): HTMLElement {
    const field = new Field(name, this.devices, this.events(name));
    this.fields.set(name, field);
    return field.element;
  }
}

const namesIn = (part: Section['id'] | Section['more']): unknown =>
  typeof part === 'string' ? part : part.map(({ name }) => name);

import { describeCounters, pressureRows } from '../../extension/limits/counters.js';
import { drawnGraphs } from '../../extension/limits/graphs.js';
import { type Mark, type Sample, withGap } from '../../extension/limits/history.js';
import type { ShownDetails } from '../../extension/limits/messages.js';
import { clockTime } from './clockTime.js';
import { make, makeButton } from './dom.js';
import { GraphView } from './graph.js';
import { SampleTable } from './sampleTable.js';

/** Use over the last minutes, beside the form: graphs or a table of the same, pressure, counters, and what happened when. */
export class LivePanel {
  private readonly pictures = make('div', { className: 'graphs' });
  private readonly table = new SampleTable();
  private readonly facts = make('div', { className: 'facts' });
  private readonly happened = make('div', { className: 'happened' });
  private readonly toggle: ReturnType<typeof makeButton>;
  private graphs: GraphView[] = [];
  private samples: Sample[] = [];
  private marks: Mark[] = [];
  private factsDrawn = '';

  constructor(
    private readonly target: HTMLElement,
    private asTable: boolean,
    private readonly keepFor: number,
    toggled: (asTable: boolean) => void,
  ) {
    this.toggle = makeButton('', '', () => {
      this.asTable = !this.asTable;
      toggled(this.asTable);
      this.drawToggle();
      this.draw();
    });
    this.toggle.classList.add('quiet');
    const head = make('div', { className: 'live-head' }, make('h2', {}, 'Last minutes'), this.toggle);
    target.append(head, this.pictures, this.table.element, this.happened, this.facts);
    this.drawToggle();
    // VS Code tells a page of another theme by another class of its body.
    new MutationObserver(() => {
      for (const graph of this.graphs) graph.repaint();
    }).observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
  }

  setHistory(samples: readonly Sample[], marks: readonly Mark[]): void {
    this.samples = [...samples];
    this.marks = [...marks];
    this.draw();
  }

  add(sample: Sample, details: ShownDetails): void {
    this.samples.push(...withGap(this.samples.at(-1), sample));
    const oldest = sample.at - this.keepFor;
    this.samples = this.samples.filter(({ at }) => at >= oldest);
    this.drawFacts(details);
    this.draw();
  }

  addMarks(marks: readonly Mark[]): void {
    const known = new Set(this.marks.map(({ id }) => id));
    this.marks = [...this.marks, ...marks.filter(({ id }) => !known.has(id))].sort((a, b) => a.at - b.at);
    if (marks.length > 0) this.draw();
  }

  private draw(): void {
    const { samples, marks } = this;
    this.target.hidden = samples.length === 0;
    this.pictures.hidden = this.asTable;
    this.table.element.hidden = !this.asTable;
    const drawn = drawnGraphs(samples);
    if (this.asTable) this.table.draw(drawn, samples, marks);
    else this.drawGraphs(drawn);
    this.drawMarks();
  }

  private drawGraphs(drawn: ReturnType<typeof drawnGraphs>): void {
    const shape = (graphs: typeof drawn) => JSON.stringify(graphs.map(({ id, series }) => [id, series]));
    if (shape(drawn) !== shape(this.graphs.map(({ graph }) => graph))) {
      for (const graph of this.graphs) graph.remove();
      this.graphs = drawn.map((graph) => new GraphView(graph));
      this.pictures.append(...this.graphs.map(({ element }) => element));
    }
    for (const graph of this.graphs) graph.draw(this.samples, this.marks);
  }

  private drawMarks(): void {
    const recent = this.marks.slice(-8).reverse();
    const ids = recent.map(({ id }) => id).join();
    this.happened.hidden = recent.length === 0;
    if (this.happened.dataset.ids === ids) return;
    this.happened.dataset.ids = ids;
    const list = make(
      'ol',
      {},
      ...recent.map(({ at, kind, text }) =>
        make('li', { className: kind }, make('time', {}, clockTime(at)), ` ${text}`),
      ),
    );
    this.happened.replaceChildren(make('h3', {}, 'What happened'), list);
  }

  private drawFacts(details: ShownDetails): void {
    const rows = pressureRows(details);
    const counters = describeCounters(details);
    const text = JSON.stringify([rows, counters]);
    if (text === this.factsDrawn) return;
    this.factsDrawn = text;
    const parts: HTMLElement[] = [];
    if (rows.length > 0) parts.push(pressureTable(rows));
    if (counters.length > 0) {
      const list = make('dl', {});
      for (const { name, value } of counters) list.append(make('dt', {}, name), make('dd', {}, value));
      parts.push(make('section', {}, make('h3', {}, 'Counted so far'), list));
    }
    this.facts.replaceChildren(...parts);
  }

  private drawToggle(): void {
    this.toggle.textContent = this.asTable ? 'Show as Graphs' : 'Show as Table';
    this.toggle.setAttribute('aria-label', this.asTable ? 'Show as Graphs' : 'Show as Table');
    this.toggle.title = this.asTable ? 'Draw the samples' : 'The same samples in numbers';
  }
}

function pressureTable(rows: ReturnType<typeof pressureRows>): HTMLElement {
  const head = ['Waiting for', 'Who', '10 s', '60 s', '300 s', 'In all'];
  const cell = (text: string) => make('td', {}, text);
  const body = rows.map(({ resource, who, shares, total }) =>
    make('tr', {}, make('th', { scope: 'row' }, resource), cell(who), ...shares.map(cell), cell(total)),
  );
  return make(
    'table',
    { className: 'pressure' },
    make('caption', {}, 'Pressure: share of time that processes waited'),
    make('thead', {}, make('tr', {}, ...head.map((text) => make('th', { scope: 'col' }, text)))),
    make('tbody', {}, ...body),
  );
}

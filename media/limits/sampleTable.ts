import { formatMeasure, type Graph } from '../../extension/limits/graphs.js';
import type { Mark, Sample } from '../../extension/limits/history.js';
import { clockTime } from './clockTime.js';
import { make } from './dom.js';

/** The samples that the graphs draw, in numbers, the latest first. */
export class SampleTable {
  readonly element: HTMLElement;
  private readonly head = make('tr');
  private readonly body = make('tbody');
  private shape = '';
  private latest = 0;

  constructor() {
    const table = make(
      'table',
      { className: 'samples' },
      make('caption', {}, 'Samples, the latest first'),
      make('thead', {}, this.head),
      this.body,
    );
    // Scrolled by keyboard, so it takes the focus.
    this.element = make('div', { className: 'sample-table', hidden: true, tabIndex: 0 }, table);
    this.element.setAttribute('role', 'region');
    this.element.setAttribute('aria-label', 'Samples');
  }

  draw(graphs: readonly Graph[], samples: readonly Sample[], marks: readonly Mark[]): void {
    const columns = graphs.flatMap((graph) => graph.series.map((series) => ({ graph, series })));
    const shape = columns.map(({ graph, series }) => `${graph.id}.${series.measure}`).join();
    if (shape !== this.shape) {
      this.shape = shape;
      this.latest = 0;
      this.body.replaceChildren();
      const titles = [
        'Time',
        ...columns.map(({ graph, series }) => `${graph.title}: ${series.label}`),
        'What happened',
      ];
      this.head.replaceChildren(...titles.map((text) => make('th', { scope: 'col' }, text)));
    }
    for (const sample of samples) {
      // Rows are added, not drawn anew: who reads one keeps it.
      if (sample.at <= this.latest || Object.keys(sample.values).length === 0) continue;
      const happened = marks.filter(({ at }) => at > this.latest && at <= sample.at).map(({ text }) => text);
      const cells = columns.map(({ graph, series }) => formatMeasure(graph, series, sample.values[series.measure]));
      this.body.prepend(
        make(
          'tr',
          {},
          make('th', { scope: 'row' }, clockTime(sample.at)),
          ...[...cells, this.latest === 0 ? '' : happened.join('; ')].map((text) => make('td', {}, text)),
        ),
      );
      this.latest = sample.at;
    }
    while (this.body.rows.length > samples.length) this.body.lastElementChild?.remove();
  }
}

import uPlot from 'uplot';
import { ceilingOf, columnsOf, formatMeasure, type Graph, type GraphSeries } from '../../extension/limits/graphs.js';
import type { Mark, Sample } from '../../extension/limits/history.js';
import { clockTime } from './clockTime.js';
import { make, showText } from './dom.js';

const height = 110;
/** Seconds that the time axis shows at least. */
const leastSpan = 60;

const dashes: Readonly<Record<GraphSeries['stroke'], number[]>> = {
  area: [],
  solid: [],
  dashed: [6, 4],
  dotted: [2, 3],
};

/** A colour of the theme. A canvas knows no variables: it is read anew whenever the theme changes. */
function themeColor(variable: string): string {
  const style = getComputedStyle(document.documentElement);
  return (
    style.getPropertyValue(variable).trim() || style.getPropertyValue('--vscode-foreground').trim() || 'currentColor'
  );
}

/** Lines over the last minutes, with marks on the time axis, and a legend that has the values. */
export class GraphView {
  readonly element: HTMLElement;
  private readonly canvas = make('div', { className: 'canvas' });
  private readonly values: HTMLElement[];
  private plot: uPlot | undefined;
  private samples: readonly Sample[] = [];
  private marks: readonly Mark[] = [];
  private ceiling = 1;
  private readonly resized = new ResizeObserver(() => this.fit());

  constructor(readonly graph: Graph) {
    // The picture says nothing that the legend, the table and the list of events do not.
    this.canvas.setAttribute('aria-hidden', 'true');
    this.values = graph.series.map(() => make('span', { className: 'value' }));
    const legend = graph.series.map((series, index) => {
      const swatch = make('span', { className: `swatch ${series.stroke}` });
      swatch.style.setProperty('--line', `var(${series.color})`);
      return make('span', { className: 'legend-entry' }, swatch, `${series.label} `, this.values[index] ?? '');
    });
    this.element = make(
      'section',
      { className: 'graph' },
      make(
        'div',
        { className: 'graph-head' },
        make('h3', {}, graph.title),
        make('div', { className: 'legend' }, ...legend),
      ),
      this.canvas,
    );
    this.element.setAttribute('aria-label', graph.title);
    this.resized.observe(this.canvas);
  }

  draw(samples: readonly Sample[], marks: readonly Mark[]): void {
    this.samples = samples;
    this.marks = marks;
    this.ceiling = ceilingOf(this.graph, samples);
    this.plot ??= this.makePlot();
    this.plot?.setData(columnsOf(this.graph, samples));
    this.showValues(this.plot?.cursor.idx ?? undefined);
  }

  /** Colours are another theme's now. */
  repaint(): void {
    this.plot?.destroy();
    this.plot = undefined;
    this.draw(this.samples, this.marks);
  }

  remove(): void {
    this.resized.disconnect();
    this.plot?.destroy();
    this.element.remove();
  }

  /** Values at the pointer, else the latest ones. */
  private showValues(index: number | undefined): void {
    const sample = this.samples[index ?? this.samples.length - 1];
    this.graph.series.forEach((series, at) => {
      const target = this.values[at];
      if (target !== undefined) showText(target, formatMeasure(this.graph, series, sample?.values[series.measure]));
    });
  }

  private fit(): void {
    const width = this.canvas.clientWidth;
    if (width === 0) return;
    if (this.plot === undefined) this.draw(this.samples, this.marks);
    else if (this.plot.width !== width) this.plot.setSize({ width, height });
  }

  private makePlot(): uPlot | undefined {
    const width = this.canvas.clientWidth;
    if (width === 0) return undefined;
    const text = themeColor('--vscode-descriptionForeground');
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const grid = { stroke: translucent(text), width: 1 };
    const axis = { stroke: text, font, grid, ticks: { show: false } };
    return new uPlot(
      {
        width,
        height,
        legend: { show: false },
        cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false }, sync: { key: 'limits' } },
        scales: {
          x: { time: true, range: (_plot, first, last) => [Math.min(first, last - leastSpan), last] },
          y: { range: () => [0, this.ceiling] },
          percent: { range: () => [0, 100] },
        },
        axes: [
          {
            ...axis,
            size: 22,
            space: 62,
            incrs: [5, 10, 15, 30, 60, 120, 300],
            values: (_plot, times) => times.map((seconds) => clockTime(seconds * 1000)),
          },
          {
            ...axis,
            size: 64,
            space: 28,
            splits: () => splitsTo(this.ceiling, this.graph.id === 'pids'),
            values: (_plot, splits) => splits.map((value) => this.graph.format(value)),
          },
        ],
        series: [{}, ...this.graph.series.map(lineOf)],
        hooks: {
          draw: [(plot) => this.drawMarks(plot)],
          setCursor: [(plot) => this.showValues(plot.cursor.idx ?? undefined)],
        },
      },
      columnsOf(this.graph, this.samples),
      this.canvas,
    );
  }

  private drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    for (const { at, kind } of this.marks) {
      const x = Math.round(plot.valToPos(at / 1000, 'x', true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      const bad = kind === 'killed' || kind === 'refused';
      const color = themeColor(bad ? '--vscode-editorError-foreground' : '--vscode-foreground');
      ctx.strokeStyle = color;
      ctx.fillStyle = color;
      ctx.setLineDash(bad ? [] : [2 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      // A triangle from above for what went wrong, a square for what somebody did.
      const size = 4 * devicePixelRatio;
      ctx.beginPath();
      if (bad) {
        ctx.moveTo(x - size, bbox.top);
        ctx.lineTo(x + size, bbox.top);
        ctx.lineTo(x, bbox.top + size * 1.6);
      } else {
        ctx.rect(x - size / 2, bbox.top, size, size);
      }
      ctx.fill();
    }
    ctx.restore();
  }
}

function lineOf({ measure, color, stroke, percent }: GraphSeries): uPlot.Series {
  const line = themeColor(color);
  // A limit holds until it is changed: there is nothing between two of its values.
  const steps = measure.endsWith('Limit') ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    stroke: line,
    width: stroke === 'dotted' ? 1 : 1.5,
    dash: dashes[stroke],
    points: { show: false },
    ...(steps && { paths: steps }),
    ...(stroke === 'area' && { fill: translucent(line) }),
    ...(percent === true && { scale: 'percent' }),
  };
}

/** The same colour, hardly there. */
const translucent = (color: string): string => `color-mix(in srgb, ${color} 16%, transparent)`;

/** Nothing, the middle and the top of a scale, the top a round number; whole ones where things are counted. */
function splitsTo(ceiling: number, whole: boolean): number[] {
  const top = whole ? Math.max(2, 2 * Math.floor(roundDown(ceiling) / 2)) : roundDown(ceiling);
  return [0, top / 2, top];
}

/** The highest number of at most two digits (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power) that is not above. Powers of 1024 for sizes. */
function roundDown(value: number): number {
  if (value <= 0) return 0;
  const unit = value >= 1024 ? 1024 ** Math.floor(Math.log(value) / Math.log(1024)) : 1;
  const scaled = value / unit;
  const power = 10 ** Math.floor(Math.log10(scaled));
  const digit = [8, 6, 5, 4, 3, 2.5, 2, 1.5, 1].find((one) => one <= scaled / power) ?? 1;
  return digit * power * unit;
}

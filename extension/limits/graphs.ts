import { formatBytes } from '../../helper/protocol/notation.js';
import type { Measure, Sample } from './history.js';

/** How a line is drawn: shapes differ, not only colours. */
export type Stroke = 'area' | 'solid' | 'dashed' | 'dotted';

export interface GraphSeries {
  measure: Measure;
  label: string;
  stroke: Stroke;
  /** A colour variable of the editor's theme. */
  color: string;
  /** Of a scale of its own, in percent. */
  percent?: boolean;
}

export interface Graph {
  id: string;
  title: string;
  series: readonly GraphSeries[];
  format(value: number): string;
  /** The scale reaches at least this far, so that next to nothing does not fill the picture. */
  atLeast: number;
}

const limitColor = '--vscode-charts-red';
const cores = (value: number): string => `${Number(value.toFixed(2))}`;
const percent = (value: number): string => `${Number(value.toFixed(1))} %`;
const rate = (value: number): string => `${formatBytes(value)}/s`;

/** What is drawn over time, in the order of the page. */
export const graphs: readonly Graph[] = [
  {
    id: 'memory',
    title: 'Memory',
    format: formatBytes,
    atLeast: 1024 * 1024,
    series: [
      { measure: 'memory', label: 'in use', stroke: 'area', color: '--vscode-charts-blue' },
      { measure: 'memoryPeak', label: 'highest', stroke: 'dotted', color: '--vscode-charts-purple' },
      { measure: 'memoryLimit', label: 'limit', stroke: 'dashed', color: limitColor },
    ],
  },
  {
    id: 'cpu',
    title: 'CPU, cores',
    format: cores,
    atLeast: 0.1,
    series: [
      { measure: 'cpu', label: 'in use', stroke: 'area', color: '--vscode-charts-green' },
      { measure: 'throttled', label: 'throttled', stroke: 'dotted', color: '--vscode-charts-yellow', percent: true },
      { measure: 'cpuLimit', label: 'limit', stroke: 'dashed', color: limitColor },
    ],
  },
  {
    id: 'pids',
    title: 'Processes',
    format: (value) => String(Math.round(value)),
    atLeast: 4,
    series: [
      { measure: 'pids', label: 'running', stroke: 'area', color: '--vscode-charts-purple' },
      { measure: 'pidsLimit', label: 'limit', stroke: 'dashed', color: limitColor },
    ],
  },
  {
    id: 'io',
    title: 'Disks',
    format: rate,
    atLeast: 1024,
    series: [
      { measure: 'read', label: 'read', stroke: 'solid', color: '--vscode-charts-blue' },
      { measure: 'written', label: 'written', stroke: 'dashed', color: '--vscode-charts-yellow' },
    ],
  },
  {
    id: 'pressure',
    title: 'Pressure, share of time waited',
    format: percent,
    atLeast: 1,
    series: [
      { measure: 'memorySome', label: 'memory', stroke: 'solid', color: '--vscode-charts-blue' },
      { measure: 'memoryFull', label: 'memory, all', stroke: 'dotted', color: '--vscode-charts-blue' },
      { measure: 'cpuSome', label: 'CPU', stroke: 'solid', color: '--vscode-charts-green' },
      { measure: 'ioSome', label: 'disks', stroke: 'dashed', color: '--vscode-charts-yellow' },
      { measure: 'ioFull', label: 'disks, all', stroke: 'dotted', color: '--vscode-charts-yellow' },
    ],
  },
];

/** Those of which there is anything to draw, each without the lines that nothing is counted for. */
export function drawnGraphs(samples: readonly Sample[]): Graph[] {
  const counted = new Set(samples.flatMap(({ values }) => Object.keys(values)));
  return graphs.flatMap((graph) => {
    const series = graph.series.filter(({ measure }) => counted.has(measure));
    // A limit alone is no picture of use.
    return series.some(({ measure }) => !measure.endsWith('Limit')) ? [{ ...graph, series }] : [];
  });
}

/** Seconds since the epoch, and for each line its values; null where there is none, which makes a gap. */
export function columnsOf(graph: Graph, samples: readonly Sample[]): [number[], ...(number | null)[][]] {
  return [
    samples.map(({ at }) => at / 1000),
    ...graph.series.map(({ measure }) => samples.map(({ values }) => values[measure] ?? null)),
  ];
}

export const formatMeasure = (graph: Graph, series: GraphSeries, value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : series.percent === true ? percent(value) : graph.format(value);

/**
 * The highest value that the scale has to show. A limit far above all use would press it flat on the ground: it is shown
 * as soon as use has reached a fifth of it.
 */
export function ceilingOf(graph: Graph, samples: readonly Sample[]): number {
  let used = graph.atLeast;
  let limit = 0;
  for (const { values } of samples) {
    for (const { measure, percent: own } of graph.series) {
      const value = own === true ? 0 : (values[measure] ?? 0);
      if (measure.endsWith('Limit')) limit = Math.max(limit, value);
      else used = Math.max(used, value);
    }
  }
  return (limit <= used * 5 ? Math.max(used, limit) : used) * 1.1;
}

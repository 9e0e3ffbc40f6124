import type { LedgerSummary } from '../../helper/protocol/index.js';

/** An operation as a line to choose from. */
export function describeOperation(summary: LedgerSummary): { label: string; description: string } {
  const duration = formatDuration(summary.durationNanoseconds);
  const outcome = summary.succeeded ? duration : `failed after ${duration}`;
  const whom = summary.pid === undefined ? '' : `process ${summary.pid}, `;
  return { label: summary.operation, description: `${whom}${outcome}, ${new Date(summary.at).toLocaleString()}` };
}

/** Nanoseconds in the unit in which they are short: `420 µs`, `2.2 ms`, `1.5 s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds < 1e6) return `${Math.round(nanoseconds / 1e3)} µs`;
  if (nanoseconds < 1e9) return `${Number((nanoseconds / 1e6).toPrecision(3))} ms`;
  return `${Number((nanoseconds / 1e9).toPrecision(3))} s`;
}

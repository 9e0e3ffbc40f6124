import type { ImportProgress } from '../../helper/protocol/index.js';
import { formatBytes } from '../limits/units.js';

/** What an import is doing, in a line. */
export function importText(progress: ImportProgress): string {
  switch (progress.phase) {
    case 'read':
    case 'unpack': {
      const total = progress.totalBytes > 0 ? ` of ${formatBytes(progress.totalBytes)}` : '';
      const entries = progress.entries > 0 ? `, ${progress.entries} entries` : '';
      return `${formatBytes(progress.doneBytes)}${total}${entries}`;
    }
    case 'finish':
      return 'finishing';
  }
}

/** Percent of the whole that was done between two reports of the same import. Never negative. */
export function importIncrement(before: ImportProgress | undefined, now: ImportProgress): number {
  return Math.max(0, percent(now) - (before ? percent(before) : 0));
}

function percent({ phase, doneBytes, totalBytes }: ImportProgress): number {
  if (phase === 'finish') {
    return 100;
  }
  return totalBytes > 0 ? Math.min(100, (doneBytes / totalBytes) * 100) : 0;
}

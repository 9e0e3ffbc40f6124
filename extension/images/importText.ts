import type { ImageProgress } from '../../helper/protocol/index.js';
import { formatBytes } from '../limits/units.js';

/** What an import is doing, in a line. */
export function importText(progress: ImageProgress): string {
  switch (progress.phase) {
    case 'finish':
      return 'finishing';
    default: {
      const total = progress.totalBytes > 0 ? ` of ${formatBytes(progress.totalBytes)}` : '';
      const entries = progress.entries > 0 ? `, ${progress.entries} entries` : '';
      return `${formatBytes(progress.doneBytes)}${total}${entries}`;
    }
  }
}

/** Percent of the whole that was done between two reports of the same import. Never negative. */
export function importIncrement(before: ImageProgress | undefined, now: ImageProgress): number {
  return Math.max(0, percent(now) - (before ? percent(before) : 0));
}

function percent({ phase, doneBytes, totalBytes }: ImageProgress): number {
  if (phase === 'finish') {
    return 100;
  }
  return totalBytes > 0 ? Math.min(100, (doneBytes / totalBytes) * 100) : 0;
}

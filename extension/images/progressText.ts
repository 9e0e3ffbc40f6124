import type { ImageProgress } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { plainText } from '../text/untrusted.js';

const doing: Readonly<Record<ImageProgress['phase'], string>> = {
  read: 'reading',
  download: 'downloading',
  upload: 'uploading',
  copy: 'copying',
  pack: 'packing',
  unpack: 'unpacking',
  finish: 'finishing',
};

/** What a long operation on an image is doing, in a line. */
export function progressText({ phase, doneBytes, totalBytes, entries, item }: ImageProgress): string {
  if (phase === 'finish') {
    return doing.finish;
  }
  const total = totalBytes > 0 ? ` of ${formatBytes(totalBytes)}` : '';
  const counted = entries > 0 ? `, ${entries} entries` : '';
  const what = item === undefined ? '' : ` ${plainText(item, 40)}`;
  return `${doing[phase]}${what}: ${formatBytes(doneBytes)}${total}${counted}`;
}

/**
 * Percent of the whole that was done between two reports of the same operation. Never negative: a phase that begins
 * anew leaves the bar where it is.
 */
export function progressIncrement(before: ImageProgress | undefined, now: ImageProgress): number {
  return Math.max(0, percent(now) - (before ? percent(before) : 0));
}

function percent({ phase, doneBytes, totalBytes }: ImageProgress): number {
  if (phase === 'finish') {
    return 100;
  }
  return totalBytes > 0 ? Math.min(100, (doneBytes / totalBytes) * 100) : 0;
}

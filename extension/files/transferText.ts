import type { TransferProgress, TransferResult } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';

/** How far a copy is, for its notification. */
export function transferText({ doneBytes, totalBytes, entries }: TransferProgress): string {
  const done = totalBytes > 0 ? `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}` : formatBytes(doneBytes);
  return `${done}, ${entries} ${entries === 1 ? 'entry' : 'entries'}`;
}

/** Percent by which it came on since the last report; 0 while the whole is not known. */
export function transferIncrement(last: TransferProgress | undefined, now: TransferProgress): number {
  const percent = (progress: TransferProgress | undefined): number =>
    progress && progress.totalBytes > 0 ? Math.min(100, (100 * progress.doneBytes) / progress.totalBytes) : 0;
  return Math.max(0, percent(now) - percent(last));
}

export function transferResultText({ files, bytes }: TransferResult): string {
  return `${files} ${files === 1 ? 'file' : 'files'}, ${formatBytes(bytes)}`;
}

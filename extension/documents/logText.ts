import type { LogEntry } from '../../helper/protocol/index.js';
import { documentText } from '../text/untrusted.js';

/**
 * The output of a container as a document. Both streams in the order of printing, as a terminal would show them;
 * terminal control sequences are left out, and what rotation has dropped is said where it was.
 */
export function logText(entries: readonly LogEntry[]): string {
  const parts: string[] = [];
  let pending: Buffer[] = [];
  const flush = (): void => {
    // Decoded together: a character may be split over two entries.
    parts.push(documentText(Buffer.concat(pending).toString('utf8')));
    pending = [];
  };
  for (const entry of entries) {
    const bytes = Buffer.from(entry.data, 'base64');
    if (entry.stream === 'gap') {
      flush();
      parts.push('\n[… older output was dropped here …]\n');
    } else {
      pending.push(bytes);
    }
  }
  flush();
  return parts.join('');
}

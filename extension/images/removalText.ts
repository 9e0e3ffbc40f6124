import type { RemovalReport } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { messageText } from '../text/untrusted.js';

/** What removing is about to do, for a question: what goes, what that frees, and what stays with the reason. */
export function removalText(previews: readonly RemovalReport[]): string {
  const names = previews.flatMap(({ images }) => images);
  const freed = previews.reduce((sum, { freedBytes }) => sum + freedBytes, 0);
  const kept = previews.flatMap((preview) => preview.kept);
  return [
    ...(names.length > 0 ? [messageText(names.join(', '), 400)] : []),
    freed > 0
      ? `Frees ${formatBytes(freed)} on disk.`
      : 'Frees nothing yet: other images or containers need the same layers.',
    ...kept.map(({ name, why }) => messageText(`${name} stays: ${why}`, 200)),
  ].join('\n');
}

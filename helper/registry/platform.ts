import type { Platform } from '../protocol/images.js';

/** `linux/arm64/v8`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

/** What is meant where an architecture has variants and none is named. */
const usualVariants: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8', arm: 'v7' };

function rankOf({ architecture, variant }: Platform): number {
  return Number(/^v(\d+)$/.exec(variant ?? usualVariants[architecture] ?? 'v0')?.[1] ?? Number.NaN);
}

/**
 * Which of several runs on a platform: the same os and architecture, and the highest variant that is not higher than
 * the wanted one, since each runs what its predecessors ran. Of equal ones the first.
 * @returns its position, or -1.
 */
export function choosePlatform(offered: readonly (Platform | undefined)[], wanted: Platform): number {
  let [chosen, best] = [-1, Number.NEGATIVE_INFINITY];
  for (const [index, platform] of offered.entries()) {
    if (platform?.os !== wanted.os || platform.architecture !== wanted.architecture) continue;
    if (platform.variant === wanted.variant) return index;
    const rank = rankOf(platform);
    if (rank <= rankOf(wanted) && rank > best) [chosen, best] = [index, rank];
  }
  return chosen;
}

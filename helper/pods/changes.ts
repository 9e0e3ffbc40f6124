import type { Machine } from '../container/machine.js';
import type { PodSummary } from '../protocol/index.js';
import { listPods } from './pods.js';

/** What to call whenever something may have changed: `tell` hears of pods when they are others than before. */
export function podTeller(machine: Machine, tell: (pods: PodSummary[]) => void): () => Promise<void> {
  // Of a machine without pods nobody is told.
  let known = '[]';
  return async () => {
    const pods = await listPods(machine);
    const now = JSON.stringify(pods);
    if (now === known) return;
    known = now;
    tell(pods);
  };
}

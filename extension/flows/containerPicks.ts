import type { ContainerSummary } from '../../helper/protocol/index.js';
import { rootText, stateText } from '../containers/containerText.js';
import { iconSafeText } from '../text/untrusted.js';

/** Containers as items of a quick pick. */
export function containerPicks(
  containers: readonly ContainerSummary[],
): { label: string; description: string; summary: ContainerSummary }[] {
  return containers.map((summary) => ({
    label: iconSafeText(summary.name, 64),
    description: iconSafeText(`${stateText(summary)} · ${rootText(summary.root)}`),
    summary,
  }));
}

import { l10n, window } from 'vscode';
import type { ContainerSummary } from '../../helper/protocol/index.js';
import { containerArgument } from '../containers/chooseContainer.js';
import type { ContainerStore } from '../containers/containerStore.js';
import { containerPicks } from '../flows/containerPicks.js';
import { calledOn } from './arguments.js';

/** The containers that a command was called on, each once: several lines below one may be selected. */
function containersOf(first: unknown, selection: unknown): string[] {
  return [...new Set(calledOn(first, selection).flatMap((item) => containerArgument(item) ?? []))];
}

/**
 * The containers a command is for: those it was called on that pass `suits`, or one that the person picks.
 * Empty when nothing was picked. Says so when what it was called on does not suit.
 */
export async function targets(
  store: ContainerStore,
  called: { first: unknown; selection: unknown },
  question: string,
  suits: (summary: ContainerSummary) => boolean = () => true,
): Promise<ContainerSummary[]> {
  const all = await store.list();
  const ids = containersOf(called.first, called.selection);
  if (ids.length > 0) {
    const chosen = ids.flatMap((id) => all.find((summary) => summary.id === id || summary.name === id) ?? []);
    const suited = chosen.filter(suits);
    if (suited.length === 0) {
      throw new Error(
        chosen.length === 0
          ? l10n.t('There is no such container any more.')
          : l10n.t('Not possible while {0} is {1}.', chosen[0]?.name ?? '', chosen[0]?.state ?? ''),
      );
    }
    return suited;
  }
  const suited = all.filter(suits);
  if (suited.length === 0) {
    throw new Error(
      all.length === 0 ? l10n.t('There are no containers.') : l10n.t('No container is in a state for this.'),
    );
  }
  const only = suited.length === 1 ? suited[0] : undefined;
  if (only) {
    return [only];
  }
  const picked = await window.showQuickPick(containerPicks(suited), { title: question, matchOnDescription: true });
  return picked ? [picked.summary] : [];
}

/** As `targets`, for commands that make sense for one container only. */
export async function target(
  store: ContainerStore,
  called: { first: unknown; selection: unknown },
  question: string,
  suits?: (summary: ContainerSummary) => boolean,
): Promise<ContainerSummary | undefined> {
  const [first] = await targets(store, { first: called.first, selection: undefined }, question, suits);
  return first;
}

/** Running, also if paused: there are processes. */
export function isLive(summary: ContainerSummary): boolean {
  return summary.state === 'running' || summary.state === 'paused';
}

/** Running and not paused: it can be entered. */
export function isRunning(summary: ContainerSummary): boolean {
  return summary.state === 'running';
}

import { l10n, window } from 'vscode';
import { type ContainerSummary, ListContainers } from '../../helper/protocol/index.js';
import { containerPicks } from '../flows/containerPicks.js';
import type { HelperClient } from '../helperClient.js';

/** The container that a command's argument names: a tree item, or what another command passed. */
export function containerArgument(argument: unknown): string | undefined {
  if (typeof argument !== 'object' || argument === null || !('container' in argument)) return undefined;
  return typeof argument.container === 'string' ? argument.container : undefined;
}

/**
 * Asks for a container; the only one there is needs no question. Undefined: the person went away, or was told that
 * there is none.
 */
export async function chooseContainer(
  helper: Pick<HelperClient, 'request'>,
  title: string,
): Promise<ContainerSummary | undefined> {
  const containers = await helper.request(ListContainers);
  const [first] = containers;
  if (first === undefined) {
    window.showInformationMessage(l10n.t('There is no container yet.'));
    return undefined;
  }
  if (containers.length === 1) return first;
  const chosen = await window.showQuickPick(containerPicks(containers), { title, matchOnDescription: true });
  return chosen?.summary;
}

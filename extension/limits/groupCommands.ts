import { commands, type Disposable, l10n, window } from 'vscode';
import { allContainers, ListGroups } from '../../helper/protocol/index.js';
import type { Notifier } from '../errors/notifier.js';
import { groupPicks } from '../flows/groupPicks.js';
import type { LimitsHelper } from './conversation.js';

/** Commands that open the form for a group of containers, asked for by name, and for all containers of this user. */
export function registerGroupCommands(helper: LimitsHelper, notifier: Notifier): Disposable[] {
  const edit = (group: string): Thenable<unknown> => commands.executeCommand('terrarium.editLimits', { group });
  const chosen = async (): Promise<void> => {
    const groups = await helper.request(ListGroups);
    if (groups.length === 0) {
      window.showInformationMessage(
        l10n.t('There is no group yet. A container is put into one when it is made: Create a Container asks for it.'),
      );
      return;
    }
    const title = l10n.t('Edit the limits of');
    const pick = await window.showQuickPick(groupPicks(groups), { title, matchOnDescription: true });
    if (pick !== undefined) await edit(pick.group);
  };
  return [
    commands.registerCommand('terrarium.editGroupLimits', () =>
      chosen().catch((error: unknown) => notifier.show(error, l10n.t('Edit the limits of a group'))),
    ),
    commands.registerCommand('terrarium.editAllLimits', () => edit(allContainers)),
  ];
}

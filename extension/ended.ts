import { commands, type Disposable, l10n, window } from 'vscode';
import { ContainerEnded } from '../helper/protocol/index.js';
import type { Notifier } from './errors/notifier.js';
import type { HelperClient } from './helperClient.js';
import { messageText } from './text/untrusted.js';

/** Tells of containers that ended in a way a person should hear of, with what helps to understand it. */
export function tellOfEnds(helper: HelperClient, notifier: Notifier): Disposable {
  return helper.onNotification(ContainerEnded, ({ summary, message }) => {
    const log = { title: l10n.t('Show Log'), command: 'terrarium.showLogs' };
    const limits = { title: l10n.t('Edit Limits'), command: 'terrarium.editLimits' };
    const buttons = summary.exit?.oomKilled === true ? [limits, log] : [log];
    window.showWarningMessage(messageText(message), ...buttons).then(
      (chosen) => chosen && commands.executeCommand(chosen.command, { container: summary.id }),
      (error: unknown) => notifier.show(error, l10n.t('Notification')),
    );
  });
}

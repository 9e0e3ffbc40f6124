import { commands, Disposable, l10n, window } from 'vscode';
import { ContainerEnded, LimitReached } from '../helper/protocol/index.js';
import type { Notifier } from './errors/notifier.js';
import type { HelperClient } from './helperClient.js';
import { messageText } from './text/untrusted.js';

/**
 * Tells of containers that ended in a way a person should hear of, and of limits that have bitten, with what helps to
 * understand it.
 */
export function tellOfEnds(helper: HelperClient, notifier: Notifier): Disposable {
  const show = (message: string, argument: object, buttons: { title: string; command: string }[]): void => {
    window.showWarningMessage(messageText(message), ...buttons).then(
      (chosen) => chosen && commands.executeCommand(chosen.command, argument),
      (error: unknown) => notifier.show(error, l10n.t('Notification')),
    );
  };
  const log = { title: l10n.t('Show Log'), command: 'terrarium.showLogs' };
  const limits = { title: l10n.t('Edit Limits'), command: 'terrarium.editLimits' };
  return Disposable.from(
    helper.onNotification(ContainerEnded, ({ summary, message }) => {
      const outOfMemory = summary.exit?.oomKilled === true;
      const argument = { container: summary.id, ...(outOfMemory ? { limit: 'memory.max' } : {}) };
      show(message, argument, outOfMemory ? [limits, log] : [log]);
    }),
    helper.onNotification(LimitReached, ({ summary, limit, message }) =>
      show(message, { container: summary.id, limit }, [limits]),
    ),
  );
}

import { l10n, TerminalProfile, type TerminalProfileProvider, window } from 'vscode';
import { isRunning, target } from '../commands/targets.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { Notifier } from '../errors/notifier.js';
import type { Attacher } from './attach.js';
import type { Terminals } from './terminals.js';

/** The terminal profile "Terrarium container": asks which one, and gives a shell in it. */
export function containerProfile(
  store: ContainerStore,
  attacher: Attacher,
  terminals: Terminals,
  notifier: Notifier,
): TerminalProfileProvider {
  return {
    provideTerminalProfile: async (token) => {
      try {
        const question = l10n.t('Open a terminal in which container?');
        const summary = await target(store, { first: undefined, selection: undefined }, question, isRunning);
        if (!summary || token.isCancellationRequested) {
          return undefined;
        }
        const connection = await attacher.shell(summary, {}, token);
        const options = terminals.options(connection);
        const subscription = window.onDidOpenTerminal((terminal) => {
          if ('shellArgs' in terminal.creationOptions && terminal.name === options.name) {
            subscription.dispose();
            terminals
              .remember(terminal, connection)
              .catch((error: unknown) => notifier.show(error, l10n.t('Open a terminal')));
          }
        });
        return new TerminalProfile(options);
      } catch (error) {
        notifier.show(error, l10n.t('Open a terminal'));
        return undefined;
      }
    },
  };
}

import { commands, type Disposable, type LogOutputChannel, l10n, type TreeView } from 'vscode';
import type { ConnectionState } from '../connection/connectionState.js';
import type { HelperClient } from '../helperClient.js';
import { messageText } from '../text/untrusted.js';

/**
 * Shows how the extension stands with its helper: as the context key `terrarium.connection`, which decides on the
 * welcome content with its buttons, and the reason of a failure as a message in `views`. The view of containers is
 * not among them: the editor shows either a message or welcome content.
 */
export function showConnection(
  helper: HelperClient,
  views: readonly Pick<TreeView<unknown>, 'message'>[],
  log: LogOutputChannel,
): Disposable {
  const show = (state: ConnectionState): void => {
    const message =
      state.kind === 'failed' ? messageText(l10n.t('The helper does not run. {0}', state.reason)) : undefined;
    for (const view of views) {
      // VS Code takes an empty string for none.
      view.message = message ?? '';
    }
    commands
      .executeCommand('setContext', 'terrarium.connection', state.kind)
      .then(undefined, (reason: unknown) => log.error(`Context: ${String(reason)}`));
  };
  show(helper.state);
  return helper.onDidChangeState(show);
}

import { commands, type ExtensionContext, extensions, type TreeView } from 'vscode';
import type { CommandContext } from '../commands/context.js';
import { registerCommands } from '../commands/register.js';
import { linkCommands } from './linkCommands.js';
import { ListenerOffers } from './listenerOffers.js';
import { networkCommands } from './networkCommands.js';
import { NetworksView } from './networksView.js';
import { portCommands } from './portCommands.js';

/** Registers the view of named networks, and all about ports of containers. Answers with the view. */
export function registerNetworks(extension: ExtensionContext, context: CommandContext): TreeView<unknown> {
  const { helper, store, containers, terminals, notifier, log } = context;
  const view = new NetworksView(helper, store, log);
  extension.subscriptions.push(
    view,
    new ListenerOffers(helper, store, containers, terminals, log),
    ...registerCommands(
      notifier,
      { ...networkCommands(view, helper), ...portCommands(context), ...linkCommands(context, view) },
      {},
    ),
  );
  // Builds of the editor may lack it; a page is then opened in the browser alone.
  commands
    .executeCommand(
      'setContext',
      'terrarium.simpleBrowser',
      extensions.getExtension('vscode.simple-browser') !== undefined,
    )
    .then(undefined, (reason: unknown) => log.error(`Context: ${String(reason)}`));
  return view.view;
}

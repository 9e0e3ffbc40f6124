import type { ExtensionContext, LogOutputChannel, TreeView } from 'vscode';
import { registerCommands } from '../commands/register.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { Notifier } from '../errors/notifier.js';
import type { HelperClient } from '../helperClient.js';
import { namespaceCommands } from './commands.js';
import { NamespacesView } from './namespacesView.js';
import { ProcessDocuments } from './processDocuments.js';

/** Registers the view of namespaces, and all that looks at single processes. Answers with the view. */
export function registerNamespaces(
  extension: ExtensionContext,
  around: { helper: HelperClient; store: ContainerStore; notifier: Notifier; log: LogOutputChannel },
): TreeView<unknown> {
  const { helper, store, notifier, log } = around;
  const view = new NamespacesView(helper, store, extension.workspaceState, log);
  const documents = new ProcessDocuments(helper);
  extension.subscriptions.push(
    view,
    documents,
    ...registerCommands(notifier, namespaceCommands(view, documents, around), {}),
  );
  return view.view;
}

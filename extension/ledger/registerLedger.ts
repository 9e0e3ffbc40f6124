import {
  commands,
  type ExtensionContext,
  l10n,
  type TextDocument,
  type TextDocumentContentProvider,
  Uri,
  window,
  workspace,
} from 'vscode';
import { enteredProcesses, ListContainers, ListLedgers, RenderLedger } from '../../helper/protocol/index.js';
import { chooseContainer, containerArgument } from '../containers/chooseContainer.js';
import { showMarkdown } from '../documents/showMarkdown.js';
import type { Notifier } from '../errors/notifier.js';
import type { HelperClient } from '../helperClient.js';
import { describeOperation } from './describeOperation.js';
import { type LedgerAddress, type LedgerFormat, ledgerScheme, ledgerUriParts, parseLedgerQuery } from './ledgerUri.js';

type LedgerHelper = Pick<HelperClient, 'request'>;

/** Registers the documents that show how a container was made, and the commands that open them. */
export function registerLedger(context: ExtensionContext, helper: LedgerHelper, notifier: Notifier): void {
  const provider: TextDocumentContentProvider = {
    // What was done does not change any more: there is nothing to refresh.
    provideTextDocumentContent: async (uri, token) => {
      const address = parseLedgerQuery(uri.query);
      if (address === undefined) throw new Error(l10n.t('This address names no operation of a container.'));
      return (await helper.request(RenderLedger, address, token)).text;
    },
  };
  const command = (name: string, format: LedgerFormat, show: (uri: Uri) => Promise<void>, whose?: unknown) =>
    commands.registerCommand(name, async (argument: unknown) => {
      try {
        const chosen = await chooseLedger(helper, whose ?? argument, format);
        if (chosen !== undefined) await show(chosen);
      } catch (error) {
        notifier.show(error, l10n.t('Show how it was made'));
      }
    });
  context.subscriptions.push(
    workspace.registerTextDocumentContentProvider(ledgerScheme, provider),
    command('terrarium.showLedger', 'markdown', showMarkdown),
    command('terrarium.showEntered', 'markdown', showMarkdown, { container: enteredProcesses }),
    command('terrarium.showLedgerScript', 'script', async (uri) => {
      await showText(await workspace.openTextDocument(uri));
    }),
    commands.registerCommand('terrarium.editLedgerScript', () =>
      editCopy().catch((error: unknown) => notifier.show(error, l10n.t('Edit a copy'))),
    ),
  );
}

/** Which ledger is meant: a tree item's, one that is chosen, or the only one there is. */
async function chooseLedger(helper: LedgerHelper, argument: unknown, format: LedgerFormat): Promise<Uri | undefined> {
  const given = containerArgument(argument);
  const summary =
    given === undefined
      ? await chooseContainer(helper, l10n.t('Show how it was made'))
      : (await helper.request(ListContainers)).find(({ id }) => id === given);
  // A container whose start failed may be gone while its ledger is still asked for.
  const container = summary?.id ?? given;
  if (container === undefined) return undefined;
  const operation = operationArgument(argument) ?? (await chooseOperation(helper, container));
  if (operation === undefined) return undefined;
  const address: LedgerAddress = { container, operation, format };
  const title = container === enteredProcesses ? l10n.t('Entered') : (summary?.name ?? container);
  return Uri.from({ scheme: ledgerScheme, ...ledgerUriParts(address, title) });
}

function operationArgument(argument: unknown): string | undefined {
  if (typeof argument !== 'object' || argument === null || !('operation' in argument)) return undefined;
  return typeof argument.operation === 'string' ? argument.operation : undefined;
}

async function chooseOperation(helper: LedgerHelper, container: string): Promise<string | undefined> {
  const ledgers = await helper.request(ListLedgers, { container });
  const [first] = ledgers;
  if (first === undefined) {
    window.showInformationMessage(
      container === enteredProcesses
        ? l10n.t('No process outside of containers was entered yet.')
        : l10n.t('Nothing was done with this container yet.'),
    );
    return undefined;
  }
  if (ledgers.length === 1) return first.operation;
  const items = [...ledgers]
    .sort((one, other) => other.at.localeCompare(one.at))
    .map((summary) => ({ ...describeOperation(summary), operation: summary.operation }));
  const chosen = await window.showQuickPick(items, { title: l10n.t('Which operation?') });
  return chosen?.operation;
}

async function showText(document: TextDocument): Promise<void> {
  await window.showTextDocument(document, { preview: true });
}

/** The script of the active editor as an untitled file, to change and save. */
async function editCopy(): Promise<void> {
  const source = window.activeTextEditor?.document;
  if (source?.uri.scheme !== ledgerScheme) return;
  const copy = await workspace.openTextDocument({ language: source.languageId, content: source.getText() });
  await window.showTextDocument(copy);
}

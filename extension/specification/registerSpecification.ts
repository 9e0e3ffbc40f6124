import * as path from 'node:path';
import { commands, type ExtensionContext, l10n, languages, type TextDocument, Uri, window, workspace } from 'vscode';
import type { Notifier } from '../errors/notifier.js';
import type { HelperClient } from '../helperClient.js';
import { specificationFiles } from './files.js';
import { type LaunchContext, launchSpecification } from './launchSpecification.js';
import { newSeccompProfile, newSpecification } from './newSpecification.js';

/**
 * Registers the commands of `*.terrarium.json` and `*.seccomp.json` files, and starts the helper when the first of them is opened: it is their
 * language server. `attach` opens a terminal on what was started.
 */
export function registerSpecification(
  context: ExtensionContext,
  helper: Pick<HelperClient, 'request' | 'start' | 'state'>,
  notifier: Notifier,
  attach: LaunchContext['attach'],
): void {
  const serve = (document: TextDocument) => {
    // A helper that failed is started again by people; where there is no Linux, views say so.
    if (helper.state.kind !== 'idle' || languages.match(specificationFiles, document) === 0) return;
    helper.start().catch((error: unknown) => notifier.show(error, l10n.t('Help with specifications')));
  };
  for (const document of workspace.textDocuments) serve(document);
  context.subscriptions.push(
    workspace.onDidOpenTextDocument(serve),
    commands.registerCommand('terrarium.newSpecification', () =>
      newSpecification().catch((error: unknown) => notifier.show(error, l10n.t('New specification'))),
    ),
    commands.registerCommand('terrarium.newSeccompProfile', () =>
      newSeccompProfile(helper).catch((error: unknown) => notifier.show(error, l10n.t('New seccomp profile'))),
    ),
    commands.registerCommand('terrarium.launchSpecification', async (argument: unknown) => {
      const uri = fileOf(argument);
      if (uri === undefined) {
        window.showInformationMessage(
          l10n.t('Open a *.terrarium.json file first, or make one with “New Specification”.'),
        );
        return;
      }
      try {
        await launchSpecification(uri, { helper, state: context.workspaceState, attach });
      } catch (error) {
        notifier.show(error, l10n.t('Launch {0}', path.basename(uri.path)));
      }
    }),
  );
}

/** Menus give a Uri, the helper's lens its text, the palette nothing. */
function fileOf(argument: unknown): Uri | undefined {
  if (argument instanceof Uri) return argument;
  return typeof argument === 'string' ? Uri.parse(argument, true) : window.activeTextEditor?.document.uri;
}

import * as path from 'node:path';
import { commands, type ExtensionContext, l10n, languages, Uri, window } from 'vscode';
import type { Notifier } from '../errors/notifier.js';
import { LaunchLens } from './launchLens.js';
import { type LaunchContext, launchSpecification } from './launchSpecification.js';
import { newSpecification } from './newSpecification.js';

/** File names of specifications; `terrarium.json` alone would be a name without a container's. */
export const specificationPattern = '**/*.terrarium.json';

/** Registers the commands and the lens of `*.terrarium.json` files. `attach` opens a terminal on what was started. */
export function registerSpecification(
  context: ExtensionContext,
  helper: LaunchContext['helper'],
  notifier: Notifier,
  attach: LaunchContext['attach'],
): void {
  context.subscriptions.push(
    commands.registerCommand('terrarium.newSpecification', () =>
      newSpecification().catch((error: unknown) => notifier.show(error, l10n.t('New specification'))),
    ),
    commands.registerCommand('terrarium.launchSpecification', async (argument: unknown) => {
      const uri = argument instanceof Uri ? argument : window.activeTextEditor?.document.uri;
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
    languages.registerCodeLensProvider({ pattern: specificationPattern }, new LaunchLens()),
  );
}

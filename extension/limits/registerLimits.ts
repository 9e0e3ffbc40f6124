import { commands, type ExtensionContext, l10n, type WebviewPanel, window } from 'vscode';
import * as z from 'zod/mini';
import { ListContainers } from '../../helper/protocol/index.js';
import { chooseContainer, containerArgument } from '../containers/chooseContainer.js';
import type { Notifier } from '../errors/notifier.js';
import { type LimitsHelper, LimitsPanel, viewType } from './limitsPanel.js';

/** What another command may add to the container: the limit that matters now. */
const limitArgument = z.object({ limit: z.string() });
const savedState = z.object({ container: z.string() });

/** Registers `terrarium.editLimits`, and the form itself so that it is there again after a reload of the window. */
export function registerLimits(context: ExtensionContext, helper: LimitsHelper, notifier: Notifier): void {
  const panels = new Map<string, LimitsPanel>();
  const keep = (panel: LimitsPanel): void => {
    panels.set(panel.container, panel);
    panel.onDidClose(() => panels.delete(panel.container));
  };

  const edit = async (argument: unknown): Promise<void> => {
    const given = containerArgument(argument);
    const summary =
      given === undefined
        ? await chooseContainer(helper, l10n.t('Edit the limits of'))
        : (await helper.request(ListContainers)).find(({ id }) => id === given);
    if (summary === undefined) return;
    const open = panels.get(summary.id);
    if (open !== undefined) open.reveal();
    const panel = open ?? LimitsPanel.open(context.extensionUri, helper, summary.id, summary.name);
    if (open === undefined) keep(panel);
    const asked = limitArgument.safeParse(argument);
    if (asked.success) panel.focus(asked.data.limit);
  };

  context.subscriptions.push(
    commands.registerCommand('terrarium.editLimits', (argument: unknown) =>
      edit(argument).catch((error: unknown) => notifier.show(error, l10n.t('Edit limits'))),
    ),
    window.registerWebviewPanelSerializer(viewType, {
      deserializeWebviewPanel: async (panel: WebviewPanel, state: unknown) => {
        const saved = savedState.safeParse(state);
        if (saved.success) keep(LimitsPanel.revive(panel, context.extensionUri, helper, saved.data.container));
        else panel.dispose();
      },
    }),
  );
}

import { commands, type ExtensionContext, l10n, type WebviewPanel, window } from 'vscode';
import * as z from 'zod/mini';
import { ListContainers } from '../../helper/protocol/index.js';
import { allContainers, type LimitTarget } from '../../helper/protocol/limits.js';
import { chooseContainer, containerArgument } from '../containers/chooseContainer.js';
import type { Notifier } from '../errors/notifier.js';
import { plainText } from '../text/untrusted.js';
import type { LimitsHelper } from './conversation.js';
import { LimitsPanel, viewType } from './limitsPanel.js';
import { limitTarget, targetKey } from './target.js';

/** What another command may add to the target: the limit that matters now. */
const limitArgument = z.object({ limit: z.string() });
const savedState = z.object({ target: limitTarget });

/**
 * Registers `terrarium.editLimits`, and the form itself so that it is there again after a reload of the window. The
 * command takes `{container}`, `{group}` or `{cgroup}`, each with the name of a `limit` to put the cursor into if one is
 * given; without any it asks for a container.
 */
export function registerLimits(context: ExtensionContext, helper: LimitsHelper, notifier: Notifier): void {
  const panels = new Map<string, LimitsPanel>();
  const keep = (panel: LimitsPanel): void => {
    panels.set(panel.key, panel);
    panel.onDidClose(() => panels.delete(panel.key));
  };

  const edit = async (argument: unknown): Promise<void> => {
    const chosen = await targetOf(helper, argument);
    if (chosen === undefined) return;
    const { target, title } = chosen;
    const open = panels.get(targetKey(target));
    if (open !== undefined) open.reveal();
    const name = l10n.t('Limits: {0}', plainText(title, 60));
    const panel = open ?? LimitsPanel.open(context.extensionUri, helper, target, name);
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
        if (saved.success) keep(LimitsPanel.revive(panel, context.extensionUri, helper, saved.data.target));
        else panel.dispose();
      },
    }),
  );
}

/** What shall be edited, and what it is called until the report says so. Undefined: the person went away. */
async function targetOf(
  helper: LimitsHelper,
  argument: unknown,
): Promise<{ target: LimitTarget; title: string } | undefined> {
  const given = containerArgument(argument);
  // A tree item of a container has more in it than the container.
  const named = given === undefined ? limitTarget.safeParse(argument) : undefined;
  if (named?.success === true) {
    const target = named.data;
    return { target, title: titleOf(target) };
  }
  const summary =
    given === undefined
      ? await chooseContainer(helper, l10n.t('Edit the limits of'))
      : (await helper.request(ListContainers)).find(({ id }) => id === given);
  return summary === undefined ? undefined : { target: { container: summary.id }, title: summary.name };
}

function titleOf(target: LimitTarget): string {
  if ('container' in target) return target.container;
  if ('cgroup' in target) return target.cgroup;
  return target.group === allContainers ? l10n.t('All Containers') : target.group;
}

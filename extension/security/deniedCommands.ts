import { commands, l10n, type QuickPickItem, window } from 'vscode';
import { AllowCalls, type ContainerSummary, type DeniedCall, ReadDenied } from '../../helper/protocol/index.js';
import { nodeOf } from '../commands/arguments.js';
import type { CommandContext } from '../commands/context.js';
import { inView } from '../commands/progress.js';
import type { Handler } from '../commands/register.js';
import { isLive, target } from '../commands/targets.js';
import { iconSafeText, messageText } from '../text/untrusted.js';
import { needsText, presentDenied } from './deniedText.js';

/** Commands about system calls that the filter of a container refused. */
export function deniedCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  const { helper, store } = context;
  return {
    'terrarium.allowCall': {
      doing: l10n.t('Allow system call'),
      run: async (first) => {
        const node = nodeOf('denied', first);
        const summary = node && store.find(node.container);
        if (node && summary) await allow(context, summary, node.denied);
      },
    },
    'terrarium.disallowCall': {
      doing: l10n.t('Refuse system call again'),
      run: async (first) => {
        const node = nodeOf('denied', first);
        if (!node) return;
        const { container, denied } = node;
        await inView(() => helper.request(AllowCalls, { container, calls: [denied.call], revoke: true }));
      },
    },
    'terrarium.showDenied': {
      doing: l10n.t('Show refused system calls'),
      run: async (first) => {
        const summary = await target(store, { first, selection: undefined }, l10n.t('Refused System Calls of'));
        if (!summary) return;
        const report = await helper.request(ReadDenied, { container: summary.id });
        const calls = report.calls.filter(({ allowed }) => !allowed);
        if (calls.length === 0) {
          const message = report.notify
            ? l10n.t('Nothing was refused that is not allowed by now.')
            : l10n.t(
                'Refused calls of {0} are not counted: “notify” in its specification asks for that.',
                summary.name,
              );
          window.showInformationMessage(messageText(message));
          return;
        }
        const picked = await window.showQuickPick(calls.map(pickOf), {
          title: l10n.t('System Calls That {0} Was Refused', messageText(summary.name)),
          placeHolder: l10n.t('Choose one to allow it at the next start'),
          matchOnDescription: true,
        });
        if (picked) await allow(context, summary, picked.denied);
      },
    },
  };
}

function pickOf(denied: DeniedCall): QuickPickItem & { denied: DeniedCall } {
  const { description = '' } = presentDenied(denied);
  const needs = needsText(denied.needs);
  return {
    denied,
    label: iconSafeText(denied.call, 40),
    description: iconSafeText(description, 80),
    ...(needs === undefined ? {} : { detail: needs }),
  };
}

/** Asks, then adds it to what the next start lets through, which may be now. */
async function allow(
  { helper, store }: CommandContext,
  summary: ContainerSummary,
  { call, needs }: DeniedCall,
): Promise<void> {
  const container = summary.id;
  const allowOnly = { title: l10n.t('Allow') };
  const andRestart = { title: l10n.t('Allow and Restart') };
  const live = store.find(container);
  const chosen = await window.showWarningMessage(
    l10n.t('Let {0} make the system call {1}?', messageText(summary.name, 64), messageText(call, 40)),
    {
      modal: true,
      detail: [
        l10n.t('A filter that is loaded cannot be loosened: it counts from the next start.'),
        ...(needs === undefined ? [] : [needsText(needs)]),
      ].join('\n\n'),
    },
    allowOnly,
    ...(live && isLive(live) ? [andRestart] : []),
  );
  if (chosen === undefined) return;
  await inView(() => helper.request(AllowCalls, { container, calls: [call] }));
  // By the command, which closes the shells in it first: a terminal that breaks off would be told as a failure.
  if (chosen === andRestart) await commands.executeCommand('terrarium.restart', { container });
}

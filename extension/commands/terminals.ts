import { l10n, window } from 'vscode';
import { ExecInContainer, type ExecSpecification } from '../../helper/protocol/index.js';
import { showCommand } from '../terminal/commandTask.js';
import { commandLine } from '../text/commandLine.js';
import { messageText } from '../text/untrusted.js';
import type { CommandContext } from './context.js';
import { inView } from './progress.js';
import type { Handler } from './register.js';
import { isRunning, target } from './targets.js';

/** Commands that open terminals in containers. */
export function terminalCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  const { attacher, store } = context;
  const running = (first: unknown, question: string) =>
    target(store, { first, selection: undefined }, question, isRunning);
  return {
    'terrarium.attach': {
      doing: l10n.t('Attach a terminal'),
      run: async (first) => {
        const summary = await running(first, l10n.t('Attach a terminal to'));
        if (summary) {
          await inView(() => attacher.attach(summary));
        }
      },
    },
    'terrarium.newTerminal': {
      doing: l10n.t('Open a terminal'),
      run: async (first) => {
        const summary = await running(first, l10n.t('New terminal in'));
        if (summary) {
          await inView(() => attacher.newShell(summary));
        }
      },
    },
    'terrarium.newTerminalAs': { doing: l10n.t('Open a terminal'), run: (first) => newTerminalAs(context, first) },
    'terrarium.runCommand': { doing: l10n.t('Run a command'), run: (first) => runCommand(context, first) },
  };
}

async function newTerminalAs(context: CommandContext, first: unknown): Promise<void> {
  const summary = await target(context.store, { first, selection: undefined }, l10n.t('New terminal in'), isRunning);
  if (!summary) {
    return;
  }
  const title = l10n.t('New Terminal in {0}', summary.name);
  const shell = await window.showInputBox({
    title,
    prompt: l10n.t('Shell or program. Empty: the best shell found in the container.'),
    placeHolder: '/bin/bash -l',
  });
  if (shell === undefined) {
    return;
  }
  const user = await window.showInputBox({
    title,
    prompt: l10n.t('User: a name or uid of the container, with :group if wanted. Empty: its own user.'),
    placeHolder: 'root, 1000, www-data:www-data',
  });
  if (user === undefined) {
    return;
  }
  const process: ExecSpecification = {
    args: commandLine(shell),
    ...(user.trim() === '' ? {} : { user: user.trim() }),
  };
  await inView(() => context.attacher.newShell(summary, process));
}

async function runCommand(context: CommandContext, first: unknown): Promise<void> {
  const summary = await target(context.store, { first, selection: undefined }, l10n.t('Run a command in'), isRunning);
  if (!summary) {
    return;
  }
  const line = await window.showInputBox({
    title: l10n.t('Run a Command in {0}', summary.name),
    prompt: l10n.t('Plain words are executed as they are; anything with quotes, pipes or variables by /bin/sh -c.'),
    placeHolder: 'ps aux',
    validateInput: (text) => (text.trim() === '' ? l10n.t('Type a command.') : undefined),
  });
  if (line === undefined) {
    return;
  }
  const session = await context.helper.request(ExecInContainer, {
    container: summary.id,
    process: { args: commandLine(line), terminal: true },
  });
  const exitCode = await showCommand(summary.name, session);
  if (exitCode !== undefined) {
    window.setStatusBarMessage(messageText(l10n.t('{0} in {1} exited with {2}', line, summary.name, exitCode)), 8000);
  }
}

import { commands, env, l10n, window } from 'vscode';
import { doctorSummary } from '../machine/doctorText.js';
import { nodeOf } from './arguments.js';
import type { CommandContext } from './context.js';
import type { Handler } from './register.js';

/** Commands about the machine and the helper. */
export function machineCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  return {
    'terrarium.runDoctor': {
      doing: l10n.t('Run the doctor'),
      run: async () => {
        await commands.executeCommand('terrarium.machine.focus');
        const report = await window.withProgress({ location: { viewId: 'terrarium.machine' } }, () =>
          context.machine.run(),
        );
        window.setStatusBarMessage(doctorSummary(report), 6000);
      },
    },
    'terrarium.copyFix': {
      doing: l10n.t('Copy the command'),
      run: async (first) => {
        const command = (nodeOf('line', first) ?? nodeOf('detail', first))?.line.command;
        if (command !== undefined) {
          await env.clipboard.writeText(command);
          window.setStatusBarMessage(l10n.t('Copied: paste it into a terminal'), 4000);
        }
      },
    },
    'terrarium.restartHelper': { doing: l10n.t('Restart the helper'), run: () => context.helper.restart() },
    'terrarium.showLog': { doing: l10n.t('Show the log'), run: () => context.log.show() },
    'terrarium.refresh': {
      doing: l10n.t('Refresh'),
      run: () => {
        context.containers.tree.refresh();
        context.images.refresh();
      },
    },
  };
}

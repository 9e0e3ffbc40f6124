import { commands, env, l10n, ProgressLocation, window } from 'vscode';
import type { TextDocuments } from '../documents/textDocuments.js';
import { doctorMarkdown, doctorSummary } from '../machine/doctorText.js';
import { nodeOf } from './arguments.js';
import type { CommandContext } from './context.js';
import type { Handler } from './register.js';

/** Commands about the machine and the helper. @param manual sections of docs/doctor.md by the ids of lines */
export function machineCommands(
  context: CommandContext,
  manual: TextDocuments,
): Record<string, { doing: string; run: Handler }> {
  const { machine } = context;
  const examine = async (): Promise<void> => {
    const report = await window.withProgress(
      { location: ProgressLocation.Notification, title: l10n.t('Trying what containers need'), cancellable: true },
      (_, token) => machine.run(token),
    );
    window.setStatusBarMessage(doctorSummary(report), 6000);
  };
  return {
    // With the id of a line that line is opened. It is tried anew: the machine may have changed since the last report.
    'terrarium.runDoctor': {
      doing: l10n.t('Run the doctor'),
      run: async (first) => {
        await commands.executeCommand('terrarium.machine.focus');
        await examine();
        if (typeof first === 'string' && !(await machine.show(first))) {
          window.showInformationMessage(l10n.t('The doctor has no line on this.'));
        }
      },
    },
    'terrarium.copyDoctorReport': {
      doing: l10n.t('Copy the report'),
      run: async () => {
        await env.clipboard.writeText(doctorMarkdown(machine.report ?? (await machine.run())));
        window.setStatusBarMessage(l10n.t('Copied, as Markdown'), 4000);
      },
    },
    'terrarium.openDoctorDocumentation': {
      doing: l10n.t('Open the documentation'),
      run: async (first) => {
        const line = (nodeOf('line', first) ?? nodeOf('detail', first))?.line;
        if (line) {
          await manual.showRendered(line.id, `${line.id}.md`);
        }
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

import { ProcessExecution, Task, TaskPanelKind, TaskRevealKind, TaskScope, tasks } from 'vscode';
import type { ExecSession } from '../../helper/protocol/index.js';
import { shownCommand } from '../text/commandLine.js';
import { terminalText } from '../text/untrusted.js';

/**
 * Shows a command that was started in a container in a terminal that stays open when it has ended: as a task, since
 * the editor closes any other terminal whose program succeeded. Resolves with the exit code.
 */
export async function showCommand(title: string, session: ExecSession): Promise<number | undefined> {
  const task = new Task(
    { type: 'terrarium', container: session.container, session: session.session },
    TaskScope.Global,
    terminalText(`${title}: ${shownCommand(session.args)}`),
    'Terrarium',
    new ProcessExecution(session.attach.program, session.attach.args),
  );
  task.presentationOptions = {
    reveal: TaskRevealKind.Always,
    panel: TaskPanelKind.New,
    focus: true,
    echo: false,
    showReuseMessage: true,
  };
  return new Promise((resolve, reject) => {
    // Listening before it starts: a command may end before executeTask returns.
    const subscription = tasks.onDidEndTaskProcess(({ execution, exitCode }) => {
      const { definition } = execution.task;
      if (definition.type === 'terrarium' && definition.session === session.session) {
        subscription.dispose();
        resolve(exitCode);
      }
    });
    tasks.executeTask(task).then(undefined, (error: unknown) => {
      subscription.dispose();
      reject(error);
    });
  });
}

import * as path from 'node:path';
import { type ExtensionContext, ProcessExecution, Task, TaskPanelKind, TaskRevealKind, TaskScope, tasks } from 'vscode';
import { helperEnvironment } from '../connection/helperEnvironment.js';
import { terminalText } from '../text/untrusted.js';

export interface Bootstrap {
  name: string;
  suite: string;
  packages: readonly string[];
  /** Empty: the tool's own choice. */
  mirror: string;
}

/**
 * Installs a distribution by the `terrarium` command, as a task: its terminal shows what the tool prints, and ending
 * it cancels. Resolves with the exit code, undefined when the task was ended by a signal.
 */
export function runBootstrap(
  extension: Pick<ExtensionContext, 'asAbsolutePath'>,
  { name, suite, packages, mirror }: Bootstrap,
): Promise<number | undefined> {
  const cli = extension.asAbsolutePath(path.join('dist', 'cli.cjs'));
  const args = [cli, 'bootstrap', suite, '--name', name];
  if (packages.length > 0) {
    args.push('--packages', packages.join(','));
  }
  if (mirror !== '') {
    args.push('--mirror', mirror);
  }
  const task = new Task(
    { type: 'terrarium', bootstrap: name },
    TaskScope.Global,
    terminalText(`Bootstrap ${name}`),
    'Terrarium',
    new ProcessExecution(process.execPath, args, { cwd: '/', env: helperEnvironment(process.env) }),
  );
  task.presentationOptions = { reveal: TaskRevealKind.Always, panel: TaskPanelKind.New, focus: false, echo: false };
  return new Promise((resolve, reject) => {
    // Listening before it starts: it may end before executeTask returns.
    const subscription = tasks.onDidEndTaskProcess(({ execution, exitCode }) => {
      const { definition } = execution.task;
      if (definition.type === 'terrarium' && definition.bootstrap === name) {
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

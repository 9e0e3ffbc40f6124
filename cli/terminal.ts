import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { AttachTarget } from '../helper/protocol/index.js';
import { exitStatus } from './failure.js';

/**
 * Connects this terminal (or these pipes) to a process of a container, by the stage's attach role: no byte of it passes
 * through Node. Answers its exit status.
 */
export function attach(target: AttachTarget): Promise<number> {
  return new Promise((resolve, reject) => {
    // The terminal sends its signals to the whole foreground group: attach passes them on, we must live to see the end.
    const ignored: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGTSTP'];
    const ignore = () => undefined;
    for (const signal of ignored) process.on(signal, ignore);
    const child = spawn(target.program, target.args, { stdio: 'inherit' });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of ignored) process.off(name, ignore);
      resolve(code ?? (signal === null ? exitStatus.failed : 128 + constants.signals[signal]));
    });
  });
}

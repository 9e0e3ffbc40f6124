import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import * as path from 'node:path';
import { listXattrs } from '../../native/bindings/xattr.js';

/** Where a program is found in PATH. */
export function findProgram(
  name: string,
  folders = (process.env.PATH ?? '/usr/bin:/bin').split(':'),
): string | undefined {
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

const setuidBit = 0o4000;

/** Whether a program gets rights that its caller lacks: by the setuid bit of root, or by file capabilities. */
export async function isPrivileged(file: string): Promise<boolean> {
  const { uid, mode } = await stat(file);
  return (uid === 0 && (mode & setuidBit) !== 0) || listXattrs(file).includes('security.capability');
}

/** What a program was seen to do. */
export interface ProgramResult {
  /** Exit status; undefined when a signal ended it. */
  status: number | undefined;
  /** It did not end in time and was killed. */
  timedOut: boolean;
  /** What it printed on both streams, the last 4000 characters. */
  output: string;
}

/** A program that answers at once, or is not answered for: so the doctor never waits for it. */
const patienceMilliseconds = 5000;
const outputPatienceMilliseconds = 200;

/**
 * Runs a program to its end, without input.
 * @throws Node's error when it cannot be started (ENOENT, EACCES), and the reason of `signal`.
 */
export function runProgram(
  command: readonly string[],
  signal: AbortSignal,
  patience = patienceMilliseconds,
): Promise<ProgramResult> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], signal });
    let output = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, patience);
    const keep = (part: Buffer) => {
      output = (output + part.toString()).slice(-4000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('exit', (status) => {
      clearTimeout(timer);
      const finish = () => {
        clearTimeout(patienceForOutput);
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ status: status ?? undefined, timedOut, output: output.trim() });
      };
      // What it printed last is still on its way; but what it left in the background may hold the pipes for good.
      const patienceForOutput = setTimeout(finish, outputPatienceMilliseconds);
      child.once('close', finish);
    });
  });
}

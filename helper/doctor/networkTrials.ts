import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { constants as os } from 'node:os';
import * as path from 'node:path';
import { signalProcess } from '../inspect/signal.js';
import { processIdentity } from '../inspect/stat.js';
import { CLONE_NEWNET } from '../plan/constants.js';
import type { TerrariumError } from '../protocol/index.js';
import { ErrorCode } from '../protocol/index.js';
import { type Examination, type Finding, refused, type Trial, works } from './finding.js';
import { helperFinding, letUsersOpenTun } from './networkFindings.js';
import { findProgram, runProgram } from './programs.js';
import { lastLine } from './programText.js';
import { type Holder, NotMade, withHolder } from './scratchProcess.js';

/** Opening /dev/net/tun for reading and writing. */
export async function tryTun(file = '/dev/net/tun'): Promise<Finding> {
  try {
    await (await open(file, constants.O_RDWR)).close();
    return works(`Opened ${file}.`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return { verdict: 'missing', tried: `Opening ${file} answered ${code}.`, errno: code, ...letUsersOpenTun };
  }
}

/** What a helper of networks did: undefined when it brought a network up, else what it said. */
type Complaint = string | undefined;

function helperTrial(
  id: 'pasta' | 'slirp4netns',
  packageName: string,
  bringUp: (program: string, holder: Holder, signal: AbortSignal) => Promise<Complaint>,
): Trial {
  return {
    id,
    inside: true,
    run: async ({ bench, facts, signal }: Examination) => {
      const program = findProgram(id);
      if (program === undefined) {
        return {
          verdict: 'missing',
          tried: `Looked for ${id} in PATH: not installed.`,
          errno: 'ENOENT',
          fix: 'Install it.',
          command: `sudo apt-get install ${packageName}`,
        };
      }
      try {
        const complaint = await withHolder(bench, { flags: CLONE_NEWNET }, (holder) =>
          bringUp(program, holder, signal),
        );
        return complaint === undefined
          ? works(`Started ${program} on a network namespace, and it brought an interface up there.`)
          : helperFinding(program, complaint);
      } catch (error) {
        if (error instanceof NotMade) return refused(error.failure, `a network namespace for ${id}`, facts);
        throw error;
      }
    },
  };
}

/** pasta goes to the background when it is ready; its pid file says what to end. Source: pasta(1). */
async function startPasta(program: string, { pid, scratch }: Holder, signal: AbortSignal): Promise<Complaint> {
  const pidFile = path.join(scratch, 'pasta.pid');
  // Started by root it would become nobody, who may not enter the namespace.
  const runAs = process.getuid?.() === 0 ? ['--runas', '0'] : [];
  const args = ['--config-net', '--quiet', ...runAs, '--pid', pidFile, String(pid)];
  const { status, timedOut, output } = await runProgram([program, ...args], signal);
  const started = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  const identity = started > 0 ? processIdentity(started) : undefined;
  if (identity !== undefined) endProcess(identity);
  if (status === 0) return undefined;
  return timedOut ? 'it did not answer' : lastLine(output);
}

function endProcess(identity: { pid: number; startTime: number }): void {
  try {
    signalProcess(identity, os.signals.SIGTERM);
  } catch (error) {
    if ((error as TerrariumError).code !== ErrorCode.NotFound) throw error;
  }
}

const slirpPatienceMilliseconds = 5000;

/** slirp4netns says on one descriptor that it is ready, and ends when another one is closed. Source: slirp4netns(1). */
function startSlirp(program: string, { pid }: Holder, signal: AbortSignal): Promise<Complaint> {
  return new Promise((resolve, reject) => {
    const args = ['--configure', '--disable-host-loopback', '--ready-fd=3', `--userns-path=/proc/${pid}/ns/user`];
    const child = spawn(program, [...args, '--netns-type=path', `/proc/${pid}/ns/net`, 'tap0'], {
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      signal,
    });
    let complaint = '';
    let ready = false;
    const timer = setTimeout(() => {
      complaint += '\nit did not answer';
      child.kill('SIGKILL');
    }, slirpPatienceMilliseconds);
    child.stderr?.on('data', (part: Buffer) => {
      complaint = (complaint + part.toString()).slice(-2000);
    });
    child.stdio[3]?.once('data', () => {
      ready = true;
      child.kill('SIGTERM');
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', () => {
      clearTimeout(timer);
      resolve(ready ? undefined : lastLine(complaint));
    });
  });
}

/** Lines on networks, beside those that are plain plans. */
export const networkTrials: readonly Trial[] = [
  { id: 'tun', inside: false, run: () => tryTun() },
  helperTrial('pasta', 'passt', startPasta),
  helperTrial('slirp4netns', 'slirp4netns', startSlirp),
];

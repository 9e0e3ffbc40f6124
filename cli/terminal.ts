import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { ResponseError } from 'vscode-jsonrpc';
import { type AttachTarget, ErrorCode } from '../helper/protocol/index.js';
import { describeFailure, exitStatus } from './failure.js';
import { escapingStream } from './logText.js';

/** What is attached to, beside its output and input: whom signals are for. */
export interface AttachedProcess {
  /** It runs on a terminal of its own. */
  terminal: boolean;
  /** Sends it a signal. */
  signal(name: NodeJS.Signals): Promise<unknown>;
  /** Signals that came while it was being started. */
  early?: HeldSignals;
  /** Waits for its end and answers its exit status. */
  ended?(): Promise<number>;
}

/** Signals that would end us, held back until there is a process that they can be passed on to. */
export interface HeldSignals {
  /** Lets them through again, and answers which have come. */
  release(): NodeJS.Signals[];
}

/** From here on SIGINT and SIGTERM wait: ended in the middle of a start, we would leave a container that nobody looks at. */
export function holdSignals(): HeldSignals {
  const names: NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];
  const received: NodeJS.Signals[] = [];
  const hold = (name: NodeJS.Signals) => received.push(name);
  for (const name of names) process.on(name, hold);
  return {
    release: () => {
      for (const name of names) process.off(name, hold);
      return received;
    },
  };
}

/** After so many signals that did not end the process it is killed: process 1 ignores those it has no handler for. */
const patience = 3;

/** Which signals are passed on to the process by us, and whether attach leaves our session. Pure. */
export function signalPlan(
  process: Pick<AttachedProcess, 'terminal'> | undefined,
  inputIsTerminal: boolean,
): { forwarded: NodeJS.Signals[]; detached: boolean } {
  if (process === undefined) return { forwarded: [], detached: false };
  // A terminal signals its whole foreground group. Attach must stay in it to read, and passes Ctrl-C on by itself.
  if (inputIsTerminal) return { forwarded: process.terminal ? ['SIGINT', 'SIGTERM'] : ['SIGTERM'], detached: false };
  return { forwarded: ['SIGINT', 'SIGTERM', 'SIGQUIT'], detached: true };
}

/**
 * Connects this terminal (or these pipes) to a process of a container, by the stage's attach role: no byte of it passes
 * through Node. Answers its exit status. Without `attached` this is only a look: a signal ends it, the process goes on.
 */
export async function attach(target: AttachTarget, attached?: AttachedProcess): Promise<number> {
  const { forwarded, detached } = signalPlan(attached, process.stdin.isTTY === true);
  const received: NodeJS.Signals[] = [];
  const forward = (name: NodeJS.Signals) => {
    received.push(name);
    attached?.signal(received.length < patience ? name : 'SIGKILL').catch((error: unknown) => {
      if (!hasEnded(error)) process.stderr.write(`${describeFailure(error)}\n`);
    });
  };
  // What is not forwarded has reached attach too: we must live to see the end.
  const onSignal = (name: NodeJS.Signals) => forwarded.includes(name) && forward(name);
  const handled = new Set<NodeJS.Signals>(['SIGINT', 'SIGQUIT', ...forwarded]);
  for (const name of handled) process.on(name, onSignal);
  for (const name of attached?.early?.release() ?? []) forward(name);
  try {
    const status = await runAttach(target, detached);
    // Sent to the whole group, a signal makes attach leave; the process itself may take longer.
    const hasLeft = received.some((name) => status === 128 + constants.signals[name]);
    return hasLeft && attached?.ended !== undefined ? await attached.ended() : status;
  } finally {
    for (const name of handled) process.off(name, onSignal);
  }
}

/**
 * Only looks at what a process prints, until it ends. What goes to a terminal of ours is escaped, unless `raw`: nobody has
 * given that terminal to the process.
 */
export async function follow(target: AttachTarget, raw: boolean): Promise<void> {
  const outputs = [process.stdout, process.stderr];
  const isEscaped = outputs.map((output) => output.isTTY === true && !raw);
  const child = spawn(target.program, target.args, {
    stdio: ['inherit', ...isEscaped.map((piped) => (piped ? 'pipe' : 'inherit'))],
  });
  for (const [index, stream] of [child.stdout, child.stderr].entries()) {
    const output = outputs[index];
    if (output !== undefined) stream?.pipe(escapingStream()).pipe(output, { end: false });
  }
  // A signal is for the look, and ends it; we wait for what it has still shown.
  const ignore = () => undefined;
  for (const name of ['SIGINT', 'SIGQUIT'] as const) process.on(name, ignore);
  try {
    await once(child, 'close');
  } finally {
    for (const name of ['SIGINT', 'SIGQUIT'] as const) process.off(name, ignore);
  }
}

function runAttach(target: AttachTarget, detached: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(target.program, target.args, { stdio: 'inherit', detached });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve(code ?? (signal === null ? exitStatus.failed : 128 + constants.signals[signal]));
    });
  });
}

/** A signal that came too late is no failure: attach tells how the process ended. */
function hasEnded(error: unknown): boolean {
  return error instanceof ResponseError && (error.code === ErrorCode.NotFound || error.code === ErrorCode.WrongState);
}

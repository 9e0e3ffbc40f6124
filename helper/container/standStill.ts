/**
 * Pausing and killing without a freezer: by signals to each process, through pidfds. Weaker than a freezer, and said to be:
 * a parent can see that its child was stopped (waitpid with WUNTRACED), what was stopped before runs on at resume, and what
 * enters meanwhile runs. What stands still cannot wake itself: SIGSTOP cannot be caught, and nobody inside is left to send SIGCONT.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { signalProcess } from '../inspect/signal.js';
import { isAlive } from '../inspect/stat.js';
import { ErrorCode, type ProcessIdentity, type ProcessInfo, terrariumError } from '../protocol/index.js';

const SIGKILL = 9;
const SIGCONT = 18;
const SIGSTOP = 19;

/** The processes of a running container, its init first. */
export type Processes = () => Promise<readonly ProcessInfo[]>;

/** How long processes may take to stand still, or to end. */
const patienceMilliseconds = 10_000;
/** A parent in vfork(2) waits unstoppably for its child to execute, which stands: then all have to go on for a moment. */
const vforkMilliseconds = 250;

const stopped: readonly string[] = ['T', 't'];
const ended: readonly string[] = ['Z', 'X'];

/** Whether every process is stopped: states T, and t of those that are traced. Pure. */
export function allStopped(processes: readonly ProcessInfo[]): boolean {
  const living = processes.filter(({ state }) => !ended.includes(state));
  return living.length > 0 && living.every(({ state }) => stopped.includes(state));
}

/**
 * SIGSTOP for every process, and again for those that were forked meanwhile, until all stand.
 * @throws WrongState when they do not within ten seconds; then all run on
 */
export async function stopBySignals(processes: Processes, name: string): Promise<void> {
  const deadline = performance.now() + patienceMilliseconds;
  while (performance.now() < deadline) {
    for (const attempt = performance.now() + vforkMilliseconds; performance.now() < attempt; await delay(2)) {
      const all = await processes();
      if (all.length === 0 || allStopped(all)) return;
      for (const { identity, state } of all) if (!stopped.includes(state)) signalUnlessEnded(identity, SIGSTOP);
    }
    await continueBySignals(processes);
    await delay(2);
  }
  throw terrariumError(ErrorCode.WrongState, `${name} cannot be paused now`, {
    cause:
      'A process is inside a system call that cannot be interrupted, or new ones come faster than they can be stopped.',
    fix: 'Try again later. With delegated cgroups the kernel holds all of them at once: see what the doctor says.',
    command: 'terrarium doctor',
  });
}

/** Lets all run on, in the reverse order: a parent finds its children running. */
export async function continueBySignals(processes: Processes): Promise<void> {
  for (const { identity, state } of [...(await processes())].reverse()) {
    if (stopped.includes(state)) signalUnlessEnded(identity, SIGCONT);
  }
}

/**
 * SIGKILL for every process but the init, which stands meanwhile so that it starts no others, and waits until they are gone:
 * for containers in the machine's pid namespace, which no init takes with it.
 * @throws WrongState when they do not end within ten seconds
 */
export async function killBySignals(processes: Processes, init: ProcessIdentity): Promise<void> {
  signalUnlessEnded(init, SIGSTOP);
  for (const deadline = performance.now() + patienceMilliseconds; ; await delay(2)) {
    const others = (await processes()).filter(
      ({ identity, state }) => identity.pid !== init.pid && !ended.includes(state),
    );
    if (others.length === 0) return;
    for (const { identity } of others) signalUnlessEnded(identity, SIGKILL);
    if (performance.now() < deadline) continue;
    throw terrariumError(ErrorCode.WrongState, 'Processes of the container do not end', {
      cause: 'They are inside a system call that cannot be interrupted, for instance on a disk that does not answer.',
      fix: `Look for state D in ps. Their pids: ${others.map(({ identity }) => identity.pid).join(', ')}.`,
    });
  }
}

/** Who has ended needs no signal. */
export function signalUnlessEnded(identity: ProcessIdentity, signal: number): void {
  try {
    signalProcess(identity, signal);
  } catch (error) {
    if (isAlive(identity)) throw error;
  }
}

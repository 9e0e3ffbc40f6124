import { type FSWatcher, watch } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { readCgroupFile } from '../cgroup/file.js';
import { freeze, hasFreezer, isFrozen, thaw } from '../cgroup/freezer.js';
import { killAll } from '../cgroup/kill.js';
import { controllerFolder } from '../cgroup/record.js';
import { listProcesses } from '../inspect/processes.js';
import { parseSignal, signalProcess } from '../inspect/signal.js';
import { isAlive } from '../inspect/stat.js';
import { wholeSpecification } from '../pods/specification.js';
import { type ContainerSummary, ErrorCode, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import { isJoined, namespaceChoices } from '../specification/namespaces.js';
import type { Machine } from './machine.js';
import type { ContainerRecord, RuntimeRecord } from './record.js';
import { type Run, readLatestRun, summarize } from './runs.js';
import { continueBySignals, killBySignals, signalUnlessEnded, stopBySignals } from './standStill.js';

const SIGKILL = 9;

/** A run whose process is there. */
export type LiveRun = Run & { runtime: RuntimeRecord };

/** The container's run if its process lives. */
export function liveRun(machine: Machine, record: ContainerRecord): LiveRun | undefined {
  const run = readLatestRun(machine.store, record.id);
  if (run?.runtime === undefined || run.exit !== undefined || !isAlive(run.runtime.init)) return undefined;
  return { ...run, runtime: run.runtime };
}

/** @throws WrongState when it does not run. */
export function runningRun(machine: Machine, record: ContainerRecord): LiveRun {
  const run = liveRun(machine, record);
  if (run !== undefined) return run;
  throw terrariumError(ErrorCode.WrongState, `${record.name} is not running`, {
    fix: 'Start it first.',
    command: `terrarium start ${record.name}`,
  });
}

/** Sends the signal, waits, kills what is left, and answers when it has ended. A stopped container is fine. */
export async function stopContainer(
  machine: Machine,
  record: ContainerRecord,
  { signal = 'SIGTERM', graceSeconds = 10 }: { signal?: string | undefined; graceSeconds?: number | undefined } = {},
): Promise<ContainerSummary> {
  const number = parseSignal(signal);
  const run = liveRun(machine, record);
  if (run !== undefined) {
    signalUnlessEnded(run.runtime.init, number);
    // A frozen process takes the signal only when it runs again.
    await resume(run);
    const ended = number !== SIGKILL && (await waitForEnd(machine, record, graceSeconds * 1000));
    if (!ended) await killContainer(machine, record);
  }
  return summarize(machine.store, record);
}

/** SIGKILL for everything in it, and waits for the end. */
export async function killContainer(machine: Machine, record: ContainerRecord): Promise<void> {
  const run = liveRun(machine, record);
  if (run === undefined) return;
  const { cgroup, init, monitor, killsLeft } = run.runtime;
  // The kernel ends a pid namespace with its init, and the monitor what is left in a joined one. Else it is found one by one.
  const ownPids =
    record.config.linux.namespaces.some(({ type }) => type === 'pid') &&
    !isJoined(namespaceChoices(wholeSpecification(machine.locations, record.specification)).pid);
  if (cgroup !== undefined) await killAll(cgroup).catch(unlessEnded(init));
  else if (!ownPids && !(killsLeft === true && isAlive(monitor))) await killBySignals(() => listProcesses(init), init);
  signalUnlessEnded(init, SIGKILL);
  if (!(await waitForEnd(machine, record, 10_000))) {
    throw terrariumError(ErrorCode.WrongState, `${record.name} was killed but does not end`, {
      cause:
        'A process is inside a system call that cannot be interrupted, for instance on a disk that does not answer.',
      fix: `Look at process ${init.pid} with ps: its state is D.`,
    });
  }
}

/** Sends one signal to its init, or to one of its processes. */
export async function signalContainer(
  machine: Machine,
  record: ContainerRecord,
  { signal = 'SIGKILL', pid }: { signal?: string | undefined; pid?: number | undefined },
): Promise<void> {
  const run = runningRun(machine, record);
  const number = parseSignal(signal);
  if (pid === undefined) {
    if (number === SIGKILL) return killContainer(machine, record);
    return signalProcess(run.runtime.init, number);
  }
  signalProcess(await processOf(run, record.name, pid), number);
}

/** One process of the container, by its host pid. @throws NotFound when it is not one of them */
export async function processOf(run: LiveRun, name: string, pid: number): Promise<ProcessIdentity> {
  const found = (await processesOf(run)).find(({ identity }) => identity.pid === pid);
  if (found !== undefined) return found.identity;
  throw terrariumError(ErrorCode.NotFound, `Process ${pid} is not one of ${name}'s`, {
    fix: 'See which there are.',
    command: `terrarium ps ${name}`,
  });
}

/** Every process of the container, also what entered it. */
export async function processesOf(run: LiveRun): ReturnType<typeof listProcesses> {
  const { cgroup, init } = run.runtime;
  const folder =
    cgroup === undefined ? undefined : (controllerFolder(cgroup, 'pids') ?? Object.values(cgroup.paths)[0]);
  const procs = folder === undefined ? undefined : await readCgroupFile(`${folder}/cgroup.procs`);
  const cgroupPids = (procs ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
  return listProcesses(init, { cgroupPids });
}

/** Stops every process where it is: by the freezer, else by SIGSTOP one by one. */
export async function pauseContainer(machine: Machine, record: ContainerRecord): Promise<ContainerSummary> {
  const run = runningRun(machine, record);
  if (hasFreezer(run.runtime.cgroup)) await freeze(run.runtime.cgroup);
  else await stopBySignals(() => processesOf(run), record.name);
  return summarize(machine.store, record);
}

export async function resumeContainer(machine: Machine, record: ContainerRecord): Promise<ContainerSummary> {
  await resume(runningRun(machine, record));
  return summarize(machine.store, record);
}

async function resume(run: LiveRun): Promise<void> {
  if (!hasFreezer(run.runtime.cgroup)) {
    await continueBySignals(() => processesOf(run));
  } else if (await isFrozen(run.runtime.cgroup)) await thaw(run.runtime.cgroup);
}

/** A container that ends by itself at this moment takes its cgroup with it: no failure. */
function unlessEnded(init: ProcessIdentity): (error: unknown) => void {
  return (error) => {
    if (isAlive(init)) throw error;
  };
}

/** How often the kernel is asked, beside the event: a monitor that was killed writes no exit record. */
const livenessMilliseconds = 250;

/** Waits until the container's run has ended and its monitor has written how. False when the time is over. */
export function waitForEnd(machine: Machine, record: ContainerRecord, milliseconds?: number): Promise<boolean> {
  const hasEnded = () => {
    const run = readLatestRun(machine.store, record.id);
    if (run?.runtime === undefined) return run?.exit !== undefined || run === undefined;
    return run.exit !== undefined || (!isAlive(run.runtime.init) && !isAlive(run.runtime.monitor));
  };
  return new Promise((resolve, reject) => {
    let watcher: FSWatcher | undefined;
    const settle = (tell: () => void) => {
      watcher?.close();
      clearInterval(liveness);
      clearTimeout(limit);
      tell();
    };
    const check = () => {
      try {
        if (hasEnded()) settle(() => resolve(true));
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const liveness = setInterval(check, livenessMilliseconds);
    const limit = milliseconds === undefined ? undefined : setTimeout(() => settle(() => resolve(false)), milliseconds);
    try {
      const folder = readLatestRun(machine.store, record.id)?.folder;
      watcher = folder === undefined ? undefined : watch(folder, (_, name) => name === 'exit.json' && check());
      watcher?.on('error', (error) =>
        machine.log(`the end of ${record.name} is asked for, not told: ${error.message}`),
      );
    } catch (error) {
      // Inotify has run out (ENOSPC, EMFILE): asking now and then finds the end too.
      machine.log(`the end of ${record.name} is asked for, not told: ${String(error)}`);
    }
    check();
  });
}

const monitorPatienceMilliseconds = 15_000;

/**
 * Waits until the monitor of a run that has ended is gone: until then it holds the root's mount, and in the end it kills
 * and removes what is in its cgroup, be that of a newer run. It may wait for clients that still read, 10 s for one that holds.
 * @throws WrongState when it does not go
 */
export async function waitForMonitor({ name }: ContainerRecord, { runtime }: Run): Promise<void> {
  const deadline = Date.now() + monitorPatienceMilliseconds;
  for (let pause = 1; runtime !== undefined && isAlive(runtime.monitor); pause = Math.min(pause * 2, 20)) {
    if (Date.now() > deadline) {
      throw terrariumError(ErrorCode.WrongState, `The last run of ${name} has ended, but its monitor is still busy`, {
        cause: 'A terminal or program that shows its output has not taken all of it yet, or the disk is slow.',
        fix: 'Close the terminals of this container, or try again when they have caught up.',
      });
    }
    await delay(pause);
  }
}

import { isFrozen } from '../cgroup/freezer.js';
import { enterSteps } from '../cgroup/plan.js';
import { containerEntered, enterProcess, frozen } from '../entering/enter.js';
import { capabilitiesAsked, environmentAsked } from '../entering/process.js';
import { readIdMap } from '../inspect/idmap.js';
import { type RootReader, runningRoot } from '../inspect/root.js';
import { findShell } from '../inspect/shell.js';
import { resolveUser } from '../inspect/user.js';
import { execPlan } from '../plan/execPlan.js';
import {
  ErrorCode,
  type ExecSession,
  type ExecSpecification,
  type oci,
  type ProcessIdentity,
  terrariumError,
} from '../protocol/index.js';
import { seccompFilter } from '../specification/seccomp.js';
import type { Identity } from '../zygote/identity.js';
import { checkMapped } from './create.js';
import { stepFailure } from './failure.js';
import { namespacesToEnter } from './joins.js';
import { keepLedger } from './ledgers.js';
import type { Machine } from './machine.js';
import type { ContainerRecord } from './record.js';
import { claimSession, pruneSessions, sessionOutputLimit, sessionsOf } from './sessions.js';
import { attachTarget, deniedPlan } from './start.js';
import { runningRun } from './stop.js';
import { undoUnanswered } from './unanswered.js';

/** Starts one more process in a running container, under the same limits, with a monitor of its own. */
export async function execInContainer(
  machine: Machine,
  record: ContainerRecord,
  specification: ExecSpecification,
): Promise<ExecSession> {
  const run = runningRun(machine, record);
  if (await isFrozen(run.runtime.cgroup)) throw frozen(record.name);
  if (specification.namespaces !== undefined || specification.tools !== undefined) {
    return enterProcess(machine, run.runtime.init, specification, await containerEntered(machine, record.id));
  }
  const process = await processFor(machine.identity, record, run.runtime.init, specification);
  // What may fail comes before the session is claimed.
  const namespaces = namespacesToEnter(run.runtime.init, run.runtime.monitor);
  const identity = readIdMap(run.runtime.init.pid, 'gid') ?? [];
  const seccomp = seccompFilter(record.specification, process.capabilities);
  const { number, name, folder, socket } = claimSession(machine, sessionsOf(machine, record));
  const operation = `exec-${number}`;
  const plan = execPlan({
    target: run.runtime.init,
    namespaces,
    process,
    identity,
    seccomp,
    denied: deniedPlan(record, run.folder, String(number)),
    monitor: { directory: folder, socket, outputLimit: sessionOutputLimit },
    cgroup: enterSteps(run.runtime.cgroup),
    stdin: specification.stdin ?? false,
    chroot: record.specification.chroot === true ? record.config.root.path : undefined,
  });
  const exchange = await machine.zygote.carryOutBy(run.runtime, plan).catch(async (error: unknown) => {
    await undoUnanswered(folder);
    throw error;
  });
  const { answer } = exchange;
  const keeping = keepLedger(machine.store.folder(record.id, 'ledgers'), operation, exchange, (error) => {
    machine.log(`the ledger of ${operation} was not kept: ${String(error)}`);
  });
  if (answer.status === 'failed') {
    await keeping;
    throw await stepFailure(machine, `${process.args[0]} could not be run in ${record.name}`, plan, answer, {
      container: record.id,
      operation,
    });
  }
  // Nobody waits for it.
  void pruneSessions(machine, sessionsOf(machine, record), number).catch((error: unknown) => {
    machine.log(`old sessions of ${record.name} were not removed: ${String(error)}`);
  });
  return {
    session: name,
    container: record.id,
    args: process.args,
    identity: { pid: answer.pid, startTime: answer.startTime },
    attach: attachTarget(machine, { socket, directory: folder, terminal: process.terminal === true, replay: 'all' }),
  };
}

/** The container's own process, with what the request changes. */
async function processFor(
  identity: Identity,
  record: ContainerRecord,
  init: ProcessIdentity,
  asked: ExecSpecification,
): Promise<oci.Process> {
  const base = record.config.process;
  const root = runningRoot(init);
  const user = asked.user === undefined ? undefined : await resolveUser(asked.user, root);
  if (user !== undefined) checkMapped(identity, user);
  const terminal = asked.terminal ?? false;
  const args =
    asked.args !== undefined && asked.args.length > 0 ? asked.args : await shellOf(record, root, user?.shell);
  return {
    ...base,
    terminal,
    ...(asked.consoleSize === undefined ? {} : { consoleSize: asked.consoleSize }),
    args,
    cwd: asked.cwd ?? base.cwd,
    env: environmentAsked(base.env, asked, user?.home),
    ...(user === undefined ? {} : { user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids } }),
    capabilities: capabilitiesAsked(base.capabilities, asked, user?.uid ?? base.user.uid),
  };
}

/** The best shell there is, without asking the image to run anything. */
async function shellOf(record: ContainerRecord, root: RootReader, preferred: string | undefined): Promise<string[]> {
  const { uid } = record.config.process.user;
  const shell = await findShell(root, preferred ?? (await resolveUser(String(uid), root)).shell);
  if (shell !== undefined) return shell;
  throw terrariumError(ErrorCode.NotFound, `There is no shell in ${record.name}`, {
    cause: 'Its root has none of bash, zsh, ash, dash, sh and busybox in the usual places.',
    fix: 'Run a program that it has.',
    command: `terrarium exec ${record.name} -- /path/to/program`,
  });
}

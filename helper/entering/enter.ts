import { mkdirSync } from 'node:fs';
import { isFrozen } from '../cgroup/freezer.js';
import { enterSteps } from '../cgroup/plan.js';
import { stepFailure } from '../container/failure.js';
import { keepLedger } from '../container/ledgers.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import {
  claimSession,
  foreignLedgers,
  foreignSessions,
  pruneSessions,
  releaseSession,
  type Session,
  sessionOutputLimit,
  sessionsOf,
} from '../container/sessions.js';
import { attachTarget, deniedPlan } from '../container/start.js';
import { type LiveRun, runningRun } from '../container/stop.js';
import { undoUnanswered } from '../container/unanswered.js';
import { readNamespaces } from '../inspect/namespaces.js';
import { layeredRoot, type RootReader, runningRoot } from '../inspect/root.js';
import { findShell } from '../inspect/shell.js';
import { readStatus } from '../inspect/status.js';
import { makeDevice } from '../plan/constants.js';
import type { DeniedPlan } from '../plan/containerPlan.js';
import { enterPlan, targetFolder, type Way } from '../plan/enterPlan.js';
import type { Plan, Step } from '../plan/step.js';
import {
  ErrorCode,
  type ExecSession,
  type ExecSpecification,
  enteredProcesses,
  type NamespaceInodes,
  type ProcessIdentity,
  terrariumError,
} from '../protocol/index.js';
import { capabilityMask } from '../security/capabilities.js';
import { seccompFilter } from '../specification/seccomp.js';
import type { Exchange } from '../zygote/connection.js';
import { carryOutOnce } from '../zygote/once.js';
import { noticesOf } from './notices.js';
import { type BaseProcess, baseOfTarget, ownMaps, processAsked } from './process.js';
import { readTarget, type Target, writableCgroups } from './target.js';
import { planTools } from './tools.js';
import { type Situation, wayInto } from './way.js';

/** What differs between a process of a container of ours and any other. */
interface Surroundings {
  /** For messages. */
  name: string;
  container?: string;
  /** Namespaces of who carries out the plan, and whether it may do everything there. */
  here: NamespaceInodes;
  privileged: boolean;
  base(entersUser: boolean): BaseProcess;
  filter(bounding: readonly string[]): Uint8Array;
  denied(name: string): DeniedPlan | undefined;
  cgroup: { cloneInto: string; afterClone: readonly Step[] };
  carryOut(plan: Plan): Promise<Exchange>;
}

/** A running container of ours. */
export interface EnteredContainer {
  record: ContainerRecord;
  run: LiveRun;
}

/**
 * Starts one more process in namespaces of another, with a monitor of its own. A process of one of our containers is
 * entered by the zygote that started that, under the container's limits and its seccomp profile.
 * @throws NotFound, WrongState, Invalid, Unavailable, StepFailed: then nothing runs
 */
export async function enterProcess(
  machine: Machine,
  identity: ProcessIdentity,
  asked: ExecSpecification,
  container?: EnteredContainer,
): Promise<ExecSession> {
  const target = readTarget(identity);
  const around = container === undefined ? anywhere(machine, target) : await inContainer(machine, container);
  const situation: Situation = {
    pid: identity.pid,
    namespaces: target.namespaces,
    here: around.here,
    users: target.users,
    owners: target.owners,
    privileged: around.privileged,
  };
  const way = wayInto(situation, asked.namespaces);
  if (asked.tools !== undefined && !entersMountNamespace(way)) {
    throw terrariumError(ErrorCode.Invalid, 'Tools are brought along to another mount namespace only', {
      cause: 'Without it the machine’s own programs are there anyway.',
      fix: 'Choose the mount namespace (mnt), too, or leave the tools out.',
    });
  }
  const place = container === undefined ? foreignSessions(machine) : sessionsOf(machine, container.record);
  const session = claimSession(machine, place);
  const { number, name, folder, socket } = session;
  const { plan, args, terminal, isFiltered } = await planEntering(machine, {
    target,
    around,
    way,
    session,
    asked,
  }).catch(async (error: unknown) => {
    await releaseSession(session);
    throw error;
  });
  const exchange = await around.carryOut(plan).catch(async (error: unknown) => {
    await undoUnanswered(folder);
    throw error;
  });
  const { answer } = exchange;
  const [of, folderOfLedgers, doing] =
    container === undefined
      ? [enteredProcesses, foreignLedgers(machine), 'enter']
      : [container.record.id, machine.store.folder(container.record.id, 'ledgers'), 'exec'];
  const operation = `${doing}-${number}`;
  const keeping = keepLedger(folderOfLedgers, operation, exchange, (error) => {
    machine.log(`the ledger of ${operation} was not kept: ${String(error)}`);
  });
  if (answer.status === 'failed') {
    await keeping;
    const what = `${args[0]} could not be run in ${around.name}`;
    throw await stepFailure(machine, what, plan, answer, { container: of, operation });
  }
  // Nobody waits for it.
  void pruneSessions(machine, place, number).catch((error: unknown) => {
    machine.log(`old sessions of ${around.name} were not removed: ${String(error)}`);
  });
  const started = { pid: answer.pid, startTime: answer.startTime };
  const notices = noticesOf(target, started, isFiltered);
  return {
    session: name,
    ...(around.container === undefined ? {} : { container: around.container }),
    args,
    identity: started,
    attach: attachTarget(machine, { socket, directory: folder, terminal, replay: 'all' }),
    ...(notices.length === 0 ? {} : { notices }),
  };
}

const entersMountNamespace = ({ others }: Way): boolean => others.some(({ type }) => type === 'mount');

/** What is to be planned. */
interface Entering {
  target: Target;
  around: Surroundings;
  way: Way;
  session: Session;
  asked: ExecSpecification;
}

/** The plan, and what is told of it. @throws NotFound, Invalid, Unavailable for what is asked for */
async function planEntering(
  machine: Machine,
  { target, around, way, session, asked }: Entering,
): Promise<{ plan: Plan; args: string[]; terminal: boolean; isFiltered: boolean }> {
  const entersMount = entersMountNamespace(way);
  const root = entersMount ? runningRoot(target.identity) : layeredRoot(['/']);
  const tools = asked.tools && (await planTools(machine, asked.tools.root, session.folder));
  for (const made of tools?.folders ?? []) mkdirSync(made, { recursive: true, mode: 0o755 });
  const entersUser = way.first !== undefined || way.last !== undefined;
  const usual = around.base(entersUser);
  const base: BaseProcess = {
    ...usual,
    ...(tools === undefined ? {} : { cwd: targetFolder, env: [...usual.env, ...tools.env] }),
    // The container's own would be looked for on the machine.
    ...(entersMount ? {} : { cwd: '/' }),
  };
  // Those of a container are the same around it.
  const maps = entersUser || around.container !== undefined ? target : ownMaps;
  const { shell, ...process } = await processAsked(base, asked, root, maps);
  const args =
    process.args.length > 0 ? process.args : await findShell(tools?.reader ?? root, tools ? undefined : shell);
  const filter = around.filter(process.capabilities.bounding);
  const plan = enterPlan({
    target: target.identity,
    way,
    process: { ...process, args },
    identity: maps.gidMappings,
    seccomp: filter,
    denied: around.denied(String(session.number)),
    monitor: { directory: session.folder, socket: session.socket, outputLimit: sessionOutputLimit },
    cgroup: around.cgroup,
    stdin: asked.stdin ?? false,
    terminal: entersMount && (await hasTerminals(root)) ? 'target' : 'machine',
    tools,
  });
  return { plan, args, terminal: process.terminal === true, isFiltered: filter.length > 0 };
}

/** From outside: by a stage that is where we are. */
function anywhere(machine: Machine, target: Target): Surroundings {
  return {
    name: `the namespaces of process ${target.identity.pid}`,
    here: readNamespaces('self') ?? {},
    privileged: hasAdministration(),
    base: (entersUser) =>
      entersUser ? baseOfTarget(target, target) : baseOfTarget(target, ownMaps, ownCapabilities()),
    // Filters of others cannot be read: noticesOf tells.
    filter: () => new Uint8Array(),
    denied: () => undefined,
    cgroup: {
      cloneInto: '',
      // Only the kernel knows to which of them it may be moved; where it got is looked at afterwards.
      afterClone: writableCgroups(target.identity.pid).map(
        (folder): Step => ({ kind: 'joinCgroup', path: folder, tolerate: 'any' }),
      ),
    },
    carryOut: (plan) =>
      carryOutOnce({ stage: machine.stage, runtime: machine.locations.runtime, log: machine.log }, plan),
  };
}

/** By the zygote that started it, which is root of the user namespace around the container's. */
async function inContainer(machine: Machine, { record, run }: EnteredContainer): Promise<Surroundings> {
  if (await isFrozen(run.runtime.cgroup)) throw frozen(record.name);
  const here = { ...readNamespaces('self') };
  const monitor = readNamespaces(run.runtime.monitor.pid);
  if (monitor?.user !== undefined) here.user = monitor.user;
  const { args: _, terminal: __, consoleSize: ___, ...base } = record.config.process;
  return {
    name: record.name,
    container: record.id,
    here,
    privileged: true,
    base: () => base,
    denied: (name) => deniedPlan(record, run.folder, name),
    filter: (bounding) => seccompFilter(record.specification, { bounding: [...bounding] }),
    cgroup: enterSteps(run.runtime.cgroup),
    carryOut: (plan) => machine.zygote.carryOutBy(run.runtime, plan),
  };
}

/** @throws WrongState, NotFound */
export async function containerEntered(machine: Machine, id: string): Promise<EnteredContainer> {
  const record = await machine.store.find(id);
  return { record, run: runningRun(machine, record) };
}

export function frozen(name: string): Error {
  return terrariumError(ErrorCode.WrongState, `${name} is paused`, {
    cause: 'A process that enters a frozen container is frozen too.',
    fix: 'Resume it first.',
    command: `terrarium resume ${name}`,
  });
}

/** CAP_SYS_ADMIN where we are. */
function hasAdministration(): boolean {
  return (ownCapabilities() & capabilityMask(['CAP_SYS_ADMIN'])) !== 0n;
}

function ownCapabilities(): bigint {
  return readStatus(process.pid)?.capabilities.effective ?? 0n;
}

/** Whether a pty can be had there: the machine's own devpts often lets nobody open the file that gives them. */
async function hasTerminals(root: RootReader): Promise<boolean> {
  const stats = await root.stat('/dev/pts/ptmx');
  return (
    stats?.isCharacterDevice() === true && BigInt(stats.rdev) === makeDevice(5, 2) && (stats.mode & 0o006) === 0o006
  );
}

import { promises as fs, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import type { CgroupAccess } from '../cgroup/access.js';
import { cgroupSteps } from '../cgroup/plan.js';
import type { CgroupRecord } from '../cgroup/record.js';
import { removeCgroups } from '../cgroup/remove.js';
import { leaseFile } from '../files/lease.js';
import { endRootView } from '../files/view.js';
import { bootId } from '../inspect/boot.js';
import { isAlive, isEnding } from '../inspect/stat.js';
import { containerEndpoint } from '../network/endpoints.js';
import { joinNetwork } from '../network/membership.js';
import { publishPort } from '../network/ports.js';
import { containerPlan, type DeniedPlan } from '../plan/containerPlan.js';
import type { Plan } from '../plan/step.js';
import { inPod, type PodPlace } from '../pods/membership.js';
import { joinedSpecification } from '../pods/specification.js';
import {
  type AttachTarget,
  ErrorCode,
  type oci,
  type ProcessIdentity,
  type StartResult,
  terrariumError,
} from '../protocol/index.js';
import { withHostNamespaces } from '../specification/complete.js';
import { isJoined } from '../specification/namespaces.js';
import { countsDenied, listenerFlags, seccompFilter } from '../specification/seccomp.js';
import type { Exchange } from '../zygote/connection.js';
import { deniedFile, deniedFolder } from './denied.js';
import { stepFailure } from './failure.js';
import { withForeignIds } from './foreignIds.js';
import { readyGroups } from './groups.js';
import { type FoundJoins, findJoins } from './joins.js';
import { keepLedger } from './ledgers.js';
import type { Machine } from './machine.js';
import { currentSources } from './mountSources.js';
import { noteStarted } from './processRecord.js';
import type { ContainerRecord, RuntimeRecord } from './record.js';
import { planRoot } from './root.js';
import { latestRunNumber, pruneRuns, readLatestRun, summaryOf } from './runs.js';
import { killContainer, liveRun, waitForMonitor } from './stop.js';
import { undoUnanswered } from './unanswered.js';

/** Bytes of output kept in each of a run's two files. */
const outputLimit = 16 * 1024 * 1024;

/**
 * Starts a container that does not run: one plan, one exchange with the zygote. The caller holds the container's lock.
 * @throws WrongState, StepFailed (nothing is left running, no cgroup, no run folder; the ledger is kept)
 */
export async function startContainer(machine: Machine, record: ContainerRecord): Promise<StartResult> {
  const { pod } = record.specification;
  return pod === undefined ? start(machine, record) : inPod(machine, pod, (place) => start(machine, record, place));
}

async function start(machine: Machine, record: ContainerRecord, place?: PodPlace): Promise<StartResult> {
  const { store } = machine;
  const previous = readLatestRun(store, record.id);
  if (
    previous !== undefined &&
    previous.exit === undefined &&
    previous.runtime !== undefined &&
    isAlive(previous.runtime.init)
  ) {
    throw terrariumError(ErrorCode.WrongState, `${record.name} is running already`, {
      fix: 'Attach to it, or stop it first.',
      command: `terrarium exec ${record.name} -- sh`,
    });
  }
  if (previous !== undefined) await waitForMonitor(record, previous);
  await endRootView(machine, record);
  // A monitor that was killed left them, and they would be in the way.
  if (previous?.runtime?.cgroup !== undefined) await removeCgroups(previous.runtime.cgroup);
  const number = latestRunNumber(store, record.id) + 1;
  const run = store.folder(record.id, 'runs', String(number));
  const socket = socketOf(machine, `${record.id}-${number}`);
  const access = await machine.cgroups();
  const { group } = record.specification;
  const cgroup = cgroupSteps(access, record.id, record.config.linux.resources, group);
  const joining = place === undefined ? record : joiningPod(record, place);
  const found = await findJoins(machine, joining);
  const endpoint = containerEndpoint(machine, record);
  const connection = endpoint === undefined ? undefined : await joinNetwork(machine, endpoint);
  const { root, folders } = await planRoot(machine, record);
  const denied = deniedPlan(record, run, 'init');
  const plan = containerPlan({
    config: currentSources(startConfig(joining, found), record.specification),
    root,
    monitor: { directory: run, socket, outputLimit },
    cgroup,
    execution:
      record.config.process.args.length === 0
        ? { kind: 'stay' }
        : { kind: 'execute', supervise: record.specification.init ?? false },
    seccomp: seccompFilter(record.specification, record.config.process.capabilities),
    denied,
    joins: found.joins,
    foreign: found.foreign?.process,
    lease: place && leaseFile(place.folder),
    sharesPids: sharesPids(record, place),
    connection,
    chroot: record.specification.chroot ?? false,
    stdin: record.stdin,
  });
  makeFolders([run, ...(denied === undefined ? [] : [deniedFolder(run)]), ...folders]);
  const operation = `start-${number}`;
  const startedAt = new Date().toISOString();
  const { exchange, zygotePid } = await carryOut(machine, plan, {
    run,
    access,
    group,
    record: cgroup.record,
    foreign: found.foreign?.process,
  });
  const keeping = keepLedger(store.folder(record.id, 'ledgers'), operation, exchange, (error) => {
    machine.log(`the ledger of ${operation} was not kept: ${String(error)}`);
  });
  const { answer } = exchange;
  if (answer.status === 'failed') {
    await keeping;
    await fs.rm(run, { recursive: true, force: true });
    throw await stepFailure(machine, `${record.name} could not be started`, plan, answer, {
      container: record.id,
      operation,
    });
  }
  const runtime: RuntimeRecord = {
    bootId: bootId(),
    init: { pid: answer.pid, startTime: answer.startTime },
    monitor: { pid: answer.monitorPid, startTime: answer.monitorStartTime },
    zygotePid,
    startedAt,
    socket,
    ...(cgroup.record === undefined ? {} : { cgroup: cgroup.record }),
    ...(connection === undefined ? {} : { port: connection.port }),
    ...(plan.some(({ kind }) => kind === 'killLeft') ? { killsLeft: true } : {}),
  };
  await noteStarted(path.join(run, 'runtime.json'), runtime.init, runtime);
  if (number > 1) await pruneRuns(store, record.id, number);
  await publishAll(machine, record);
  return {
    // As the stage has just answered; what happens from now on is told by events.
    summary: summaryOf(record, {
      run: { number, folder: run, runtime },
      initAlive: true,
      monitorAlive: true,
      paused: false,
    }),
    attach: attachTarget(machine, {
      socket,
      directory: run,
      terminal: record.config.process.terminal === true,
      replay: 'all',
    }),
  };
}

/** The configuration as it is at this start: who is joined, and what they have, is known only now. @throws Unavailable */
function startConfig({ config, specification }: ContainerRecord, { shared, foreign }: FoundJoins): oci.Config {
  const shown = withHostNamespaces(config, shared, specification);
  return foreign === undefined ? shown : withForeignIds(shown, foreign);
}

/** Whether the others in its pid namespace are containers, too. */
function sharesPids({ specification }: ContainerRecord, place: PodPlace | undefined): boolean {
  const choice = specification.namespaces?.pid;
  return place?.pod.shares.includes('pid') === true || (isJoined(choice) && 'container' in choice);
}

/** As one that joins the namespaces of its pod: of a process that this start has by its identity. */
function joiningPod(record: ContainerRecord, { pod, holder }: PodPlace): ContainerRecord {
  const others = record.named?.bootId === bootId() ? record.named.processes : [];
  return {
    ...record,
    specification: joinedSpecification(record.specification, pod, holder.pid),
    named: { bootId: bootId(), processes: [...others, holder] },
  };
}

/** What it is to be reached by; one that cannot be had ends it. */
async function publishAll(machine: Machine, record: ContainerRecord): Promise<void> {
  try {
    for (const port of record.specification.ports ?? []) await publishPort(machine, record, port);
  } catch (error) {
    // A command that has done its work already needs no port, and did not fail.
    const run = liveRun(machine, record);
    if (run === undefined || isEnding(run.runtime.init)) return;
    await killContainer(machine, record);
    throw error;
  }
}

/** Groups are made again, as often as those who leave them remove them just now. */
const attempts = 10;

interface Circumstances {
  run: string;
  access: CgroupAccess;
  group: string | undefined;
  record: CgroupRecord | undefined;
  /** Who has the user namespace that the container is made in, if that is not below Terrarium's. */
  foreign: ProcessIdentity | undefined;
}

/** A plan that could not be sent, or was not answered, leaves no run behind. */
async function carryOut(
  machine: Machine,
  plan: Plan,
  { run, access, group, record, foreign }: Circumstances,
): Promise<{ exchange: Exchange; zygotePid: number }> {
  try {
    for (let attempt = 1; ; attempt++) {
      await readyGroups(machine, access, group);
      const done =
        foreign === undefined
          ? { exchange: await machine.zygote.carryOut(plan), zygotePid: await machine.zygote.pid() }
          : await machine.zygote.carryOutIn(foreign, plan);
      if (!missedGroup(plan, done.exchange) || attempt === attempts) return done;
    }
  } catch (error) {
    await undoUnanswered(run, record);
    await fs.rm(run, { recursive: true, force: true });
    throw error;
  }
}

/** The group was there when it was looked at, and gone when a cgroup was to be made in it. */
function missedGroup(plan: Plan, { answer }: Exchange): boolean {
  return (
    answer.status === 'failed' &&
    answer.errno === constants.errno.ENOENT &&
    plan[answer.failedStep ?? -1]?.kind === 'makeCgroup'
  );
}

/** Where a monitor counts what the filter refuses, if that was asked for. `name`: see deniedFile. */
export function deniedPlan(
  { specification }: Pick<ContainerRecord, 'specification'>,
  run: string,
  name: string,
): DeniedPlan | undefined {
  return countsDenied(specification) ? { file: deniedFile(run, name), flags: listenerFlags() } : undefined;
}

function makeFolders(folders: readonly string[]): void {
  // 755, since some become the root of what is seen inside; the container's own folder is 0700.
  for (const folder of folders) mkdirSync(folder, { recursive: true, mode: 0o755 });
}

export function socketOf(machine: Machine, name: string): string {
  return path.join(machine.locations.runtime, `${name}.sock`);
}

/**
 * How a terminal gets to a process: the stage's attach role, which reads what is in `directory` when the process has
 * ended already. `all`: from the first byte; `recent`: what fits on a few screens.
 */
export function attachTarget(
  machine: Machine,
  {
    socket,
    directory,
    terminal,
    replay,
  }: { socket: string; directory: string; terminal: boolean; replay: 'all' | 'recent' },
): AttachTarget {
  return {
    socket,
    program: machine.stage,
    args: [
      'attach',
      // Without a terminal inside, the one outside stays as it is: Ctrl-C must end the command, not become a byte.
      ...(terminal ? [] : ['--no-terminal']),
      ...(replay === 'all' ? ['--from-start'] : ['--replay', String(64 * 1024)]),
      '--directory',
      directory,
      socket,
    ],
  };
}

import { promises as fs, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { hasFreezer, isFrozen } from '../cgroup/freezer.js';
import { bootId } from '../inspect/boot.js';
import { listProcesses } from '../inspect/processes.js';
import { isAlive, readStat } from '../inspect/stat.js';
import { livePorts } from '../network/publishedPorts.js';
import type { ContainerState, ContainerSummary, ExitRecord } from '../protocol/index.js';
import { readRecord } from './processRecord.js';
import { type ContainerRecord, parseExitFile, parseRuntimeFile, type RuntimeRecord } from './record.js';
import { allStopped } from './standStill.js';
import type { ContainerStore } from './store.js';

/** One start of a container: a folder `runs/N` that the helper and the monitor share. */
export interface Run {
  number: number;
  folder: string;
  /** Absent while it is being started, and when the helper died just then. */
  runtime?: RuntimeRecord;
  /** Written by the monitor when the process has ended. */
  exit?: ExitRecord;
}

export function latestRunNumber(store: ContainerStore, id: string): number {
  let names: string[];
  try {
    names = readdirSync(store.folder(id, 'runs'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  return names.reduce((most, name) => Math.max(most, /^\d+$/.test(name) ? Number(name) : 0), 0);
}

/** Latest runs that have ended, by the folder of their container: nothing about them changes any more. */
const endedRuns = new Map<string, Run>();
const mostEndedRuns = 1000;

/** The latest start, read from disk; undefined when it was never started. */
export function readLatestRun(store: ContainerStore, id: string): Run | undefined {
  const container = store.folder(id);
  const number = latestRunNumber(store, id);
  if (number === 0) {
    endedRuns.delete(container);
    return undefined;
  }
  const known = endedRuns.get(container);
  if (known?.number === number) return known;
  const folder = store.folder(id, 'runs', String(number));
  // When one is damaged the run counts as one whose helper or monitor was killed.
  const recorded = readRecord(path.join(folder, 'runtime.json'), parseRuntimeFile);
  const runtime = recorded && asOfBoot(recorded, bootId());
  const exit = readRecord(path.join(folder, 'exit.json'), parseExitFile);
  const run: Run = {
    number,
    folder,
    ...(runtime === undefined ? {} : { runtime }),
    ...(exit === undefined ? {} : { exit }),
  };
  if (runtime !== undefined && exit !== undefined) {
    if (endedRuns.size >= mostEndedRuns) endedRuns.clear();
    endedRuns.set(container, run);
  }
  return run;
}

/** No process has it. */
const neverStarted = -1;

/**
 * A record as it is to be understood during a start of the machine. Of an earlier one nothing is left but files: its pids
 * and start times may have come to be those of others. Pure.
 */
export function asOfBoot(runtime: RuntimeRecord, now: string): RuntimeRecord {
  if (runtime.bootId === now) return runtime;
  const { init, monitor } = runtime;
  return {
    ...runtime,
    init: { ...init, startTime: neverStarted },
    monitor: { ...monitor, startTime: neverStarted },
  };
}

/** What is known of a run, and what the kernel says of its processes. */
export interface RunFacts {
  run: Run | undefined;
  initAlive: boolean;
  monitorAlive: boolean;
  /** By what all of it is held. */
  paused: false | 'freezer' | 'signals';
}

/** The state in OCI's words. Pure. */
export function stateOf({ run, initAlive, monitorAlive, paused }: RunFacts): {
  state: ContainerState;
  monitorLost: boolean;
} {
  if (run === undefined) return { state: 'created', monitorLost: false };
  if (run.exit !== undefined) return { state: 'stopped', monitorLost: false };
  if (run.runtime === undefined) return { state: 'creating', monitorLost: false };
  // The monitor is still writing down how it ended.
  if (initAlive || monitorAlive) return { state: paused !== false ? 'paused' : 'running', monitorLost: !monitorAlive };
  return { state: 'stopped', monitorLost: true };
}

/** How a container is held: by the freezer, or where there is none by SIGSTOP to each; false when it is not. */
async function howPaused({ cgroup, init }: RuntimeRecord): Promise<RunFacts['paused']> {
  if (hasFreezer(cgroup)) return (await isFrozen(cgroup)) ? 'freezer' : false;
  // The others are asked only when its init stands: lists of many containers are made often.
  const state = readStat(init.pid)?.state;
  return (state === 'T' || state === 't') && allStopped(await listProcesses(init)) ? 'signals' : false;
}

/** A container as clients see it, its state read from the kernel. */
export async function summarize(store: ContainerStore, record: ContainerRecord): Promise<ContainerSummary> {
  const run = readLatestRun(store, record.id);
  const runtime = run?.runtime;
  const initAlive = runtime !== undefined && run?.exit === undefined && isAlive(runtime.init);
  const monitorAlive = runtime !== undefined && run?.exit === undefined && isAlive(runtime.monitor);
  const paused = initAlive && runtime !== undefined ? await howPaused(runtime) : false;
  const ports = initAlive && run !== undefined ? livePorts(run.folder) : [];
  return { ...summaryOf(record, { run, initAlive, monitorAlive, paused }), ...(ports.length === 0 ? {} : { ports }) };
}

/** The same of facts that are at hand. Pure. */
export function summaryOf(record: ContainerRecord, facts: RunFacts): ContainerSummary {
  const { run, initAlive, paused } = facts;
  const { state, monitorLost } = stateOf(facts);
  const runtime = run?.runtime;
  return {
    id: record.id,
    name: record.name,
    state,
    root: record.specification.root ?? { kind: 'host' },
    createdAt: record.createdAt,
    ...(runtime === undefined ? {} : { startedAt: runtime.startedAt }),
    ...(initAlive && runtime !== undefined ? { init: runtime.init } : {}),
    ...(run?.exit === undefined ? {} : { exit: run.exit }),
    args: record.config.process.args,
    ...(record.config.hostname === undefined ? {} : { hostname: record.config.hostname }),
    ...(record.specification.group === undefined ? {} : { group: record.specification.group }),
    ...(record.specification.pod === undefined ? {} : { pod: record.specification.pod }),
    terminal: record.config.process.terminal === true,
    ...(record.specification.chroot === true ? { chroot: true } : {}),
    remove: record.remove,
    ...(monitorLost ? { monitorLost: true } : {}),
    ...(state === 'paused' && paused !== false ? { pausedBy: paused } : {}),
  };
}

/** Old runs go when a new one starts; the last few stay for their logs. */
export async function pruneRuns(store: ContainerStore, id: string, latest: number, keep = 3): Promise<void> {
  for (const name of await fs.readdir(store.folder(id, 'runs'))) {
    if (Number(name) <= latest - keep) await fs.rm(store.folder(id, 'runs', name), { recursive: true, force: true });
  }
}

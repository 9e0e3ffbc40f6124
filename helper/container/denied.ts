/** Calls that the filter of a container refused: what its monitors count (docs/stage.md, "Refused calls"), and telling of it. */
import { existsSync, type FSWatcher, promises as fs, watch } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ContainerSummary,
  type DeniedCall,
  type DeniedReport,
  ErrorCode,
  terrariumError,
} from '../protocol/index.js';
import { ownArchitecture, systemCallNumbers } from '../security/seccomp/architecture.js';
import { alsoNeeded } from '../security/seccomp/needs.js';
import { countsDenied, seccompChoice, withAllowedCalls } from '../specification/seccomp.js';
import type { Machine } from './machine.js';
import type { ContainerRecord } from './record.js';
import { readLatestRun } from './runs.js';

/** How often a program was refused a call. */
export interface DeniedCount {
  number: number;
  program: string;
  count: number;
}

/** In the folder of a run, the folder of what its monitors count. It is there when refused calls are counted. */
export function deniedFolder(run: string): string {
  return path.join(run, 'denied');
}

/** The file of one monitor. `name`: `init`, or the number of a session. */
export function deniedFile(run: string, name: string): string {
  return path.join(deniedFolder(run), name);
}

/** A file of a monitor. Lines that are none are passed over: it is written whole, but not synced. Pure. */
export function parseDenied(text: string): { calls: DeniedCount[]; others: number } {
  const calls: DeniedCount[] = [];
  let others = 0;
  for (const line of text.split('\n')) {
    const [, number, count, hex] = /^(\d+) (\d+) ((?:[0-9a-f]{2})*)$/.exec(line) ?? [];
    if (number !== undefined) {
      const program = Buffer.from(hex ?? '', 'hex').toString('utf8');
      calls.push({ number: Number(number), program, count: Number(count) });
    }
    others += Number(/^others (\d+)$/.exec(line)?.[1] ?? 0);
  }
  return { calls, others };
}

/** Those of the same call and program together, the most frequent first. Pure. */
export function mergeDenied(counts: readonly DeniedCount[]): DeniedCount[] {
  const merged = new Map<string, DeniedCount>();
  for (const one of counts) {
    const key = `${one.number} ${one.program}`;
    merged.set(key, { ...one, count: one.count + (merged.get(key)?.count ?? 0) });
  }
  return [...merged.values()].sort(
    (a, b) => b.count - a.count || a.number - b.number || a.program.localeCompare(b.program),
  );
}

/** What the filter of a container refused in its latest run. */
export async function readDenied(machine: Machine, record: ContainerRecord): Promise<DeniedReport> {
  const run = readLatestRun(machine.store, record.id);
  const files = run === undefined ? [] : await readFiles(deniedFolder(run.folder));
  const choice = seccompChoice(record.specification);
  const allow = choice === 'unconfined' ? [] : (choice.allow ?? []);
  const { bounding } = record.config.process.capabilities;
  return {
    notify: countsDenied(record.specification),
    calls: mergeDenied(files.flatMap(({ calls }) => calls)).map((one) => describe(one, allow, bounding)),
    others: files.reduce((sum, { others }) => sum + others, 0),
    allow: [...allow],
  };
}

function describe(one: DeniedCount, allow: readonly string[], bounding: readonly string[]): DeniedCall {
  const names = Object.entries(systemCallNumbers[ownArchitecture()]);
  const call = names.find(([, number]) => number === one.number)?.[0] ?? String(one.number);
  const needs = alsoNeeded(call, bounding);
  return { call, ...one, allowed: allow.includes(call), ...(needs === undefined ? {} : { needs }) };
}

async function readFiles(folder: string) {
  const texts = await Promise.all(
    ((await orNothing(fs.readdir(folder))) ?? [])
      .filter((name) => !name.includes('.'))
      .map((name) => orNothing(fs.readFile(path.join(folder, name), 'utf8'))),
  );
  return texts.flatMap((text) => (text === undefined ? [] : parseDenied(text)));
}

/** Undefined where there is nothing: the run has been removed, or nothing was refused yet. */
async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Lets calls through at later starts, or no longer. The caller holds the container's lock.
 * @throws Invalid for what is no system call, WrongState without a filter
 */
export async function allowCalls(
  machine: Machine,
  record: ContainerRecord,
  calls: readonly string[],
  revoke: boolean,
): Promise<ContainerRecord> {
  for (const call of calls) {
    if (Object.values(systemCallNumbers).some((numbers) => Object.hasOwn(numbers, call))) continue;
    throw terrariumError(ErrorCode.Invalid, `There is no system call ${JSON.stringify(call)}`, {
      fix: 'Names are those of syscalls(2), for instance unshare.',
    });
  }
  const choice = seccompChoice(record.specification);
  const before = choice === 'unconfined' ? [] : (choice.allow ?? []);
  const kept = before.filter((name) => !calls.includes(name));
  const specification = withAllowedCalls(record.specification, revoke ? kept : [...kept, ...calls]);
  const changed = { ...record, specification };
  await machine.store.save(changed);
  return changed;
}

/** Milliseconds in which several changes are told once. */
const settle = 150;

/** Tells of refused calls of the containers that run and count them, as they are refused. */
export class DeniedWatch {
  /** By container and start, so that another start is watched anew. */
  private readonly watched = new Map<string, FSWatcher>();
  private readonly pending = new Set<string>();
  private isOver = false;

  constructor(
    private readonly machine: Machine,
    private readonly onDenied: (container: string, report: DeniedReport) => void,
  ) {}

  /** Replaces the set of containers that run. */
  follow(containers: readonly ContainerSummary[]): void {
    const wanted = new Map(
      containers.flatMap(({ id, state, init }) => {
        const run = (state === 'running' || state === 'paused') && init && readLatestRun(this.machine.store, id);
        if (!run || !existsSync(deniedFolder(run.folder))) return [];
        return [[`${id} ${run.number}`, { id, folder: deniedFolder(run.folder) }]];
      }),
    );
    for (const [key, watcher] of this.watched) {
      if (wanted.has(key)) continue;
      watcher.close();
      this.watched.delete(key);
    }
    for (const [key, { id, folder }] of wanted) if (!this.watched.has(key)) this.begin(key, id, folder);
  }

  dispose(): void {
    this.isOver = true;
    this.follow([]);
  }

  private begin(key: string, id: string, folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.tellSoon(id));
      watcher.on('error', (error) => this.machine.log(`refused calls of ${id} are not watched: ${error.message}`));
      this.watched.set(key, watcher);
    } catch (error) {
      // Too many watches (ENOSPC), or it has ended and was removed meanwhile: then there is nothing to tell.
      this.machine.log(`refused calls of ${id} are not watched: ${String(error)}`);
      return;
    }
    // After the watch began, so that nothing falls between the two.
    this.tellSoon(id);
  }

  private tellSoon(id: string): void {
    if (this.pending.has(id)) return;
    this.pending.add(id);
    this.tell(id).catch((error: unknown) => this.machine.log(`refused calls of ${id}: ${String(error)}`));
  }

  private async tell(id: string): Promise<void> {
    await delay(settle);
    this.pending.delete(id);
    const record = this.isOver ? undefined : await this.machine.store.read(id);
    if (record === undefined) return;
    const report = await readDenied(this.machine, record);
    if (report.calls.length > 0 || report.others > 0) this.onDenied(id, report);
  }
}

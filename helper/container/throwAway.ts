import { ResponseError } from 'vscode-jsonrpc';
import { isAlive } from '../inspect/stat.js';
import { type ContainerSummary, ErrorCode } from '../protocol/index.js';
import type { Machine } from './machine.js';
import type { ContainerRecord } from './record.js';
import { removeContainer } from './remove.js';
import { type Run, readLatestRun } from './runs.js';
import { announceChange } from './watcher.js';

/** A throw-away container is kept this long after its end, for whoever waits to read its output. */
export const lingerMilliseconds = 30_000;
/** One that was made and never started: its helper may have died, or somebody still means to start it. */
const unstartedMilliseconds = 24 * 60 * 60 * 1000;

/** When a container may be removed because it has ended, in milliseconds since the epoch; undefined: not now. Pure. */
export function removableFrom(
  { remove, createdAt }: Pick<ContainerRecord, 'remove' | 'createdAt'>,
  run: Pick<Run, 'runtime' | 'exit'> | undefined,
  isUp: boolean,
): number | undefined {
  if (!remove) return undefined;
  if (run === undefined) return Date.parse(createdAt) + unstartedMilliseconds;
  if (run.exit !== undefined) return Date.parse(run.exit.finishedAt) + lingerMilliseconds;
  // Its monitor was killed: when it ended is not known, and nobody can be reading from it.
  return run.runtime === undefined || isUp ? undefined : 0;
}

/** The same, read from disk and from the kernel. */
export function readRemovableFrom(machine: Machine, record: ContainerRecord): number | undefined {
  const run = readLatestRun(machine.store, record.id);
  const isUp = run?.runtime !== undefined && (isAlive(run.runtime.init) || isAlive(run.runtime.monitor));
  return removableFrom(record, run, isUp);
}

/**
 * Removes throw-away containers a while after their end, as long as this helper lives; the next one finds the rest
 * (recover.ts). Other helpers may do the same: who is later finds nothing.
 */
export class ThrowAways {
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(private readonly machine: Machine) {}

  /** To be told of every change of the list. */
  consider(containers: readonly Pick<ContainerSummary, 'id' | 'state' | 'remove'>[]): void {
    for (const { id, state, remove } of containers) {
      if (remove && state === 'stopped' && !this.timers.has(id)) this.wait(id, lingerMilliseconds);
    }
  }

  stop(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private wait(id: string, milliseconds: number): void {
    const timer = setTimeout(() => {
      this.timers.delete(id);
      void this.remove(id);
    }, milliseconds);
    // Nobody is to stay up for it.
    timer.unref();
    this.timers.set(id, timer);
  }

  private async remove(id: string): Promise<void> {
    const { machine } = this;
    try {
      await machine.store.locked(id, async (record) => {
        const from = readRemovableFrom(machine, record);
        // It may have been started again meanwhile.
        if (from === undefined) return;
        if (from > Date.now()) this.wait(id, from - Date.now());
        else {
          await removeContainer(machine, record, false);
          announceChange(machine);
        }
      });
    } catch (error) {
      if (error instanceof ResponseError && error.code === ErrorCode.NotFound) return;
      machine.log(`${id} was not removed after its end: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

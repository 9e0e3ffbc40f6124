import { existsSync, type FSWatcher, readdirSync, watch } from 'node:fs';
import { ResponseError } from 'vscode-jsonrpc';
import type { Machine } from '../container/machine.js';
import { ErrorCode, type LimitEdit, type LimitTarget } from '../protocol/index.js';
import { settleTarget } from './edit.js';
import { type Journal, journalFolder, keyOfFile, readJournal, removeJournal, shownEdit } from './journal.js';
import { isDue, isOurs } from './rollback.js';

/** Another helper's trial is looked at so often, in case that helper is killed. */
const lookMilliseconds = 1000;
/** Its helper is the first to take a trial back; others follow after so long. */
const graceMilliseconds = 500;
/** What the kernel refused to take back is tried again so often. */
const retryMilliseconds = 5000;
/** Where inotify cannot be had. */
const pollMilliseconds = 2000;

/**
 * Tells of edits of limits, whichever helper made them, and ends trials: its own when their time is over, or when its client
 * leaves; those of helpers that are gone as soon as it sees that.
 */
export class EditWatch {
  private watcher: FSWatcher | undefined;
  private poll: NodeJS.Timeout | undefined;
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** By key, what was told last. */
  private readonly told = new Map<string, string>();
  private readonly settling = new Map<string, Promise<void>>();
  /** By key, when the kernel is to be asked again (performance.now()). */
  private readonly retries = new Map<string, number>();
  private isWatching = false;

  constructor(
    private readonly machine: Machine,
    private readonly onEdited: (target: LimitTarget, edit: LimitEdit) => void,
  ) {}

  /** Begins, and ends what helpers that are gone have left. Without room for its folder there are no edits to watch. */
  start(): void {
    this.isWatching = true;
    try {
      const folder = journalFolder(this.machine.locations);
      this.begin(folder);
      for (const key of keysIn(folder)) {
        if (!this.sweep(key)) this.look(key, false);
      }
    } catch (error) {
      this.machine.log(`edits of limits are not watched: ${String(error)}`);
    }
  }

  private begin(folder: string): void {
    try {
      this.watcher = watch(folder, (_, name) => this.look(keyOfFile(name ?? '')));
      this.watcher.on('error', (error) => this.lookNowAndThen(folder, error));
    } catch (error) {
      this.lookNowAndThen(folder, error);
    }
  }

  /** Edits of cgroups that others made go when those are gone. */
  private sweep(key: string): boolean {
    const journal = this.read(key);
    if (journal === undefined || !('cgroup' in journal.target) || existsSync(journal.target.cgroup)) return false;
    void removeJournal(this.machine.locations, key).catch((error: unknown) => {
      this.machine.log(`edits of ${key} were not removed: ${String(error)}`);
    });
    return true;
  }

  /** Rolls back the trials of this helper: whoever could keep them has gone. */
  async dispose(): Promise<void> {
    if (!this.isWatching) return;
    this.isWatching = false;
    this.watcher?.close();
    clearInterval(this.poll);
    for (const timer of this.timers.values()) clearTimeout(timer);
    for (const key of keysIn(journalFolder(this.machine.locations))) {
      const { pending } = this.read(key) ?? {};
      if (pending?.phase === 'trial' && isOurs(pending)) this.settle(key, true);
    }
    await Promise.all(this.settling.values());
  }

  /** Users have 128 inotify instances in all: other programs may have taken them. */
  private lookNowAndThen(folder: string, error: unknown): void {
    this.machine.log(`edits of limits are looked for, not told: ${String(error)}`);
    this.poll ??= setInterval(() => this.lookAtAll(folder), pollMilliseconds).unref();
  }

  private lookAtAll(folder: string): void {
    try {
      for (const key of keysIn(folder)) this.look(key);
    } catch (error) {
      this.machine.log(`edits of limits cannot be listed: ${String(error)}`);
    }
  }

  private look(key: string | undefined, tell = true): void {
    if (key === undefined || !this.isWatching) return;
    try {
      this.lookAt(key, tell);
    } catch (error) {
      // Out of descriptors, for one: it is looked at again.
      this.machine.log(`edits of ${key} cannot be read: ${String(error)}`);
      this.wake(key, retryMilliseconds);
    }
  }

  private lookAt(key: string, tell: boolean): void {
    const journal = this.read(key);
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    if (journal === undefined) {
      this.told.delete(key);
      return;
    }
    const { pending } = journal;
    // In the middle of a write there is nothing new to tell yet.
    if (pending === undefined || pending.phase === 'trial') this.tell(key, journal, tell);
    if (pending === undefined) return;
    const retry = (this.retries.get(key) ?? 0) - performance.now();
    if (isDue(pending) && retry > 0) this.wake(key, retry);
    else if (isDue(pending)) this.settle(key, false);
    else this.wakeFor(key, pending.phase === 'trial' ? Date.parse(pending.rollsBackAt) : Infinity, isOurs(pending));
  }

  private wakeFor(key: string, at: number, ours: boolean): void {
    const left = at - Date.now();
    const wait = ours ? left : Math.min(left + graceMilliseconds, lookMilliseconds);
    this.wake(key, Math.max(0, wait));
  }

  private wake(key: string, milliseconds: number): void {
    clearTimeout(this.timers.get(key));
    const timer = setTimeout(() => this.look(key), Number.isFinite(milliseconds) ? milliseconds : lookMilliseconds);
    this.timers.set(key, timer.unref());
  }

  private tell(key: string, { target, edits, pending }: Journal, tell: boolean): void {
    const latest = edits.at(-1);
    const state = JSON.stringify([latest?.id, pending]);
    if (this.told.get(key) === state) return;
    this.told.set(key, state);
    if (tell && latest !== undefined) this.onEdited(target, shownEdit(latest));
  }

  private settle(key: string, leaving: boolean): void {
    if (this.settling.has(key)) return;
    const settled = this.settleNow(key, leaving)
      .catch((error: unknown) => {
        this.machine.log(`limits on trial (${key}) were not rolled back: ${String(error)}`);
        return true;
      })
      .then((isStuck) => {
        this.settling.delete(key);
        if (!isStuck || !this.isWatching) return;
        this.retries.set(key, performance.now() + retryMilliseconds);
        this.wake(key, retryMilliseconds);
      });
    this.settling.set(key, settled);
  }

  /** Whether it is to be tried again. */
  private async settleNow(key: string, leaving: boolean): Promise<boolean> {
    const journal = this.read(key);
    if (journal === undefined) return false;
    try {
      const { pending } = await settleTarget(this.machine, journal.target, leaving);
      return pending !== undefined && isDue(pending);
    } catch (error) {
      if (!(error instanceof ResponseError) || error.code !== ErrorCode.NotFound) throw error;
      // What it was about is no more.
      await removeJournal(this.machine.locations, key);
      return false;
    }
  }

  private read(key: string): Journal | undefined {
    return readJournal(this.machine.locations, key, this.machine.log);
  }
}

function keysIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => keyOfFile(name) ?? []);
}

import {
  type CountedLimit,
  countedLimits,
  type EventSource,
  type EventWatch,
  type Since,
  watchLimit,
} from './events.js';
import { type LimitHolder, readHolders, whoseLimit } from './limitHolders.js';

export interface LimitWatchOptions {
  /** What a running container is counted by; undefined when it does not run any more. */
  find(container: string): EventSource | undefined;
  /** A limit has bitten. While it goes on, as in a fork bomb, it is told at most every `quietMilliseconds`. */
  onReached(container: string, bite: Bite): void;
  onError(error: unknown): void;
  /** Default 10 s. */
  quietMilliseconds?: number;
}

export interface Bite {
  limit: CountedLimit;
  /** How often so far. */
  count: number;
  /** Whose limit it was: the container's own, or that of a group above; undefined when it was nobody's but the machine's. */
  holder: LimitHolder | undefined;
}

/** One start of a container. */
export interface LiveRun {
  container: string;
  /** Tells it from the next start, which has another cgroup. */
  run: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

interface Entry {
  closed: boolean;
  watches: EventWatch[];
}

/** Watches the limits of the containers that run, by the kernel's events wherever it tells them: see events.ts. */
export class LimitWatch {
  private readonly begun = Date.now();
  private readonly watched = new Map<string, Entry>();

  constructor(private readonly options: LimitWatchOptions) {}

  /** Replaces the set of containers that run. */
  follow(running: readonly LiveRun[]): void {
    const wanted = new Map(running.map((live) => [`${live.container} ${live.run}`, live]));
    for (const [key, entry] of this.watched) {
      if (wanted.has(key)) continue;
      this.watched.delete(key);
      entry.closed = true;
      for (const watch of entry.watches) watch.close();
    }
    for (const [key, { container, startedAt }] of wanted) {
      if (this.watched.has(key)) continue;
      const entry: Entry = { closed: false, watches: [] };
      this.watched.set(key, entry);
      // What bit before anybody watched is old news; but a new container may be killed sooner than it is seen.
      const since = startedAt >= this.begun ? 'birth' : 'now';
      for (const limit of countedLimits) this.begin(container, limit, since, entry);
    }
  }

  dispose(): void {
    this.follow([]);
  }

  private begin(container: string, limit: CountedLimit, since: Since, entry: Entry): void {
    const source = this.options.find(container);
    const record = source?.record;
    if (source === undefined || record === undefined) return;
    let quietUntil = 0;
    let before: LimitHolder[] = [];
    const bite = (count: number): void => {
      const now = readHolders(record, limit);
      const holder = whoseLimit(before, now);
      before = now;
      if (entry.closed || performance.now() < quietUntil) return;
      quietUntil = performance.now() + (this.options.quietMilliseconds ?? 10_000);
      this.options.onReached(container, { limit, count, holder });
    };
    const failed = (error: unknown): void => {
      // The cgroup goes with the container: it has ended, and that is told elsewhere.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !entry.closed) this.options.onError(error);
    };
    try {
      before = readHolders(record, limit);
      // A cgroup that was just made has counted nothing that was not of this run.
      if (since === 'birth' && before[0] !== undefined) before[0] = { ...before[0], hits: 0 };
      const watch = watchLimit(source, limit, since, bite, failed);
      if (watch !== undefined) entry.watches.push(watch);
    } catch (error) {
      failed(error);
    }
  }
}

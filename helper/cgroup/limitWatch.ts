import { type CountedLimit, countedLimits, type EventWatch, type Since, watchLimit } from './events.js';
import type { CgroupRecord } from './record.js';

export interface LimitWatchOptions {
  /** The cgroup of a running container; undefined when it has none. */
  find(container: string): CgroupRecord | undefined;
  /** A limit has bitten. While it goes on, as in a fork bomb, it is told at most every `quietMilliseconds`. */
  onReached(container: string, limit: CountedLimit, count: number): void;
  onError(error: unknown): void;
  /** Default 10 s. */
  quietMilliseconds?: number;
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

/** Watches the limits of the containers that run, by the kernel's events alone. */
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
      for (const limit of countedLimits) void this.begin(container, limit, since, entry);
    }
  }

  dispose(): void {
    this.follow([]);
  }

  private async begin(container: string, limit: CountedLimit, since: Since, entry: Entry): Promise<void> {
    let quietUntil = 0;
    const bite = (count: number): void => {
      if (entry.closed || performance.now() < quietUntil) return;
      quietUntil = performance.now() + (this.options.quietMilliseconds ?? 10_000);
      this.options.onReached(container, limit, count);
    };
    const failed = (error: unknown): void => {
      // The cgroup goes with the container: it has ended, and that is told elsewhere.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !entry.closed) this.options.onError(error);
    };
    try {
      const watch = await watchLimit(this.options.find(container), limit, since, bite, failed);
      if (watch === undefined) return;
      if (entry.closed) watch.close();
      else entry.watches.push(watch);
    } catch (error) {
      failed(error);
    }
  }
}

import { type CountedLimit, countedLimits, type EventWatch, watchLimit } from './events.js';
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

/** Watches the limits of the containers that run, by the kernel's events alone. */
export class LimitWatch {
  private readonly watched = new Map<string, { closed: boolean; watches: EventWatch[] }>();

  constructor(private readonly options: LimitWatchOptions) {}

  /** Replaces the set of containers that run. `run` tells one start of a container from the next: another cgroup. */
  follow(running: readonly { container: string; run: string }[]): void {
    const wanted = new Map(running.map(({ container, run }) => [`${container} ${run}`, container]));
    for (const [key, entry] of this.watched) {
      if (wanted.has(key)) continue;
      this.watched.delete(key);
      entry.closed = true;
      for (const watch of entry.watches) watch.close();
    }
    for (const [key, container] of wanted) {
      if (this.watched.has(key)) continue;
      const entry = { closed: false, watches: [] };
      this.watched.set(key, entry);
      for (const limit of countedLimits) void this.begin(container, limit, entry);
    }
  }

  dispose(): void {
    this.follow([]);
  }

  private async begin(
    container: string,
    limit: CountedLimit,
    entry: { closed: boolean; watches: EventWatch[] },
  ): Promise<void> {
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
      const watch = await watchLimit(this.options.find(container), limit, bite, failed);
      if (watch === undefined) return;
      if (entry.closed) watch.close();
      else entry.watches.push(watch);
    } catch (error) {
      failed(error);
    }
  }
}

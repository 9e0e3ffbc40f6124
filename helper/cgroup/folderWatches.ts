import { type FSWatcher, watch } from 'node:fs';

/** Several changes in a row are told once. */
const settleMilliseconds = 200;
/** What an editor has open at once; a client that asks for more is told of these. */
const mostWatched = 256;

/**
 * Tells which folders of control groups changed: groups that were made or removed in them, processes that came to a group
 * without any or were the last to go (cgroup.events of v2), limits that somebody wrote. By inotify: of changing use, which
 * the kernel tells nobody, there is no event.
 */
export class CgroupFolderWatches {
  private readonly watchers = new Map<string, FSWatcher>();
  private readonly changed = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly onChanged: (paths: string[]) => void,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Watches these, and nothing else any more. Folders that are gone are passed over. */
  replace(paths: readonly string[]): void {
    const wanted = new Set(paths.slice(0, mostWatched));
    for (const path of [...this.watchers.keys()]) if (!wanted.has(path)) this.forget(path);
    for (const path of wanted) if (!this.watchers.has(path)) this.follow(path);
  }

  dispose(): void {
    this.replace([]);
    clearTimeout(this.timer);
    this.timer = undefined;
    this.changed.clear();
  }

  private follow(path: string): void {
    try {
      const watcher = watch(path, (_event, name) => {
        if (name === null || counts(String(name))) this.touch(path);
      });
      watcher.on('error', (error) => {
        this.forget(path);
        this.onError(error);
      });
      this.watchers.set(path, watcher);
    } catch (error) {
      // Gone, or inotify has run out: then there is the button that reads it anew.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.onError(error);
    }
  }

  private forget(path: string): void {
    this.watchers.get(path)?.close();
    this.watchers.delete(path);
    this.changed.delete(path);
  }

  private touch(path: string): void {
    this.changed.add(path);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const paths = [...this.changed];
      this.changed.clear();
      if (paths.length > 0) this.onChanged(paths);
    }, settleMilliseconds);
  }
}

/** A group under pressure counts events many times a second, which change nothing of what is listed. Pure. */
export function counts(name: string): boolean {
  return !/^(memory|pids|hugetlb|misc)\..*events(\.local)?$|\.pressure$/.test(name);
}

import { closeSync, constants, type FSWatcher, fstatSync, openSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { O_PATH } from '../../native/bindings/openat2.js';
import { failedWith } from '../image/failure.js';
import { namesIn, openUnlessMounted } from '../image/layeredFolder.js';

/** Milliseconds from the first change to its report: what follows within is reported with it. */
const gathering = 300;
/** Folders that are watched, those near the root first: the kernel has some ten thousand watches for all of a user. */
const mostFolders = 4096;

/**
 * Calls `changed` when something in a folder's tree is made, removed, moved or given other attributes, until `signal`
 * aborts. What is written to a file that is there already is noticed when overlayfs first copies it up.
 */
export async function watchLayer(top: string, signal: AbortSignal, changed: () => void): Promise<void> {
  const watched = new WatchedFolders(top);
  try {
    await new Promise<void>((resolve, reject) => {
      let waiting: NodeJS.Timeout | undefined;
      const update = () => {
        waiting = undefined;
        try {
          watched.update(notice);
          changed();
        } catch (error) {
          reject(error);
        }
      };
      const notice = () => {
        waiting ??= setTimeout(update, gathering);
      };
      signal.addEventListener('abort', () => {
        clearTimeout(waiting);
        resolve();
      });
      watched.update(notice);
      if (signal.aborted) resolve();
    });
  } finally {
    watched.close();
  }
}

class WatchedFolders {
  /** By what tells a folder from others, also from one that has its name later. */
  private watchers = new Map<string, FSWatcher>();

  constructor(private readonly top: string) {}

  /** Watches what is there now, and nothing else. */
  update(notice: () => void): void {
    const next = new Map<string, FSWatcher>();
    for (const { key, fd } of this.folders()) {
      const watcher = this.watchers.get(key) ?? startWatching(fd, notice);
      this.watchers.delete(key);
      if (watcher !== undefined) next.set(key, watcher);
    }
    this.close();
    this.watchers = next;
  }

  close(): void {
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  /** Breadth first; each descriptor is valid until the next one is asked for. */
  private *folders(): Generator<{ key: string; fd: number }> {
    const waiting: number[] = [openTop(this.top)];
    try {
      for (let count = 0; count < mostFolders; count++) {
        const fd = waiting.shift();
        if (fd === undefined) return;
        try {
          const { dev, ino } = fstatSync(fd, { bigint: true });
          yield { key: `${dev} ${ino}`, fd };
          if (waiting.length < mostOpen) waiting.push(...foldersIn(fd));
        } finally {
          closeSync(fd);
        }
      }
    } finally {
      for (const fd of waiting) closeSync(fd);
    }
  }
}

/** Descriptors that may wait: there are others who need some. */
const mostOpen = 400;

/** The folder, or the one it will appear in. */
function openTop(top: string): number {
  try {
    return openSync(top, O_PATH | constants.O_DIRECTORY);
  } catch (error) {
    if (!failedWith(error, 'ENOENT')) throw error;
    return openSync(dirname(top), O_PATH | constants.O_DIRECTORY);
  }
}

function foldersIn(fd: number): number[] {
  return namesIn(fd).flatMap((name) => {
    const entry = openUnlessMounted(fd, name);
    if (entry === undefined || entry === 'mounted') return [];
    if (entry.stats.isDirectory()) return [entry.fd];
    closeSync(entry.fd);
    return [];
  });
}

function startWatching(fd: number, notice: () => void): FSWatcher | undefined {
  try {
    // By descriptor: the name may stand for something else by now.
    const watcher = watch(`/proc/self/fd/${fd}`, { persistent: false }, notice);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch (error) {
    // Inotify has run out: what is watched already still is.
    if (failedWith(error, 'ENOSPC', 'EMFILE', 'ENOENT')) {
      process.stderr.write(`A folder is not watched: ${String(error)}\n`);
      return undefined;
    }
    throw error;
  }
}

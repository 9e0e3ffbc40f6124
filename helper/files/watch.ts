/** Watching paths of a root with inotify. Watches are on inodes, found by descriptor: nothing is asked again and again. */
import { once } from 'node:events';
import { closeSync, constants, type FSWatcher, watch } from 'node:fs';
import { openat2 } from '../../native/bindings/openat2.js';
import { fileTypes, statx } from '../../native/bindings/statx.js';
import { failedWith } from '../image/failure.js';
import type { FileEvent } from '../protocol/files.js';
import type { WatchedPath, WatchReport } from './agentProtocol.js';
import { at, type OpenRoot, withOpenRoot } from './openRoot.js';
import { namesIn, openFolder } from './tree.js';
import type { RootView } from './view.js';

/** What changes within this time is told together. */
const settleMilliseconds = 100;
/** Folders below those that are watched recursively, in all: inotify has a limit per user for all programs. */
const mostFolders = 2000;
/** Paths in one report; of a flood only the folders are told. */
const mostEvents = 1000;

/** Reports what changes at the paths, until `signal` is aborted. */
export async function watchPaths(
  view: RootView,
  paths: readonly WatchedPath[],
  signal: AbortSignal,
  report: (report: WatchReport) => void,
): Promise<void> {
  const watching = new Watching(view, report);
  try {
    await withOpenRoot(view, (root) => {
      for (const { path, recursive } of paths) watching.add(root, path, recursive === true);
    });
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    watching.close();
  }
}

/** A folder that is watched: only some names in it, or (undefined) all. */
interface Watched {
  watcher: FSWatcher;
  names: Set<string> | undefined;
  recursive: boolean;
}

class Watching {
  private readonly folders = new Map<string, Watched>();
  /** What inotify named since the last report; true: a name that came or went. */
  private readonly touched = new Map<string, boolean>();
  private timer: NodeJS.Timeout | undefined;
  private reports = 0;
  private isClosed = false;

  constructor(
    private readonly view: RootView,
    private readonly report: (report: WatchReport) => void,
  ) {}

  /** A file is watched by its name in its folder: then it is still watched when another takes its place. */
  add(root: OpenRoot, asked: string, recursive: boolean): void {
    const path = asked.replace(/(?<=.)\/+$/, '');
    const isFolder = this.look(root, path, (fd) => statx(fd, '').type === fileTypes.directory);
    if (isFolder === true) this.look(root, path, (fd) => this.watch(path, fd, undefined, recursive));
    else this.look(root, parentOf(path), (fd) => this.watch(parentOf(path), fd, basename(path), false));
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    for (const { watcher } of this.folders.values()) watcher.close();
  }

  /** Undefined when there is nothing at the path that one may look at: then there is nothing to be told of it. */
  private look<T>(root: OpenRoot, path: string, work: (fd: number) => T): T | undefined {
    try {
      return at(root, path, true, work);
    } catch (error) {
      if (!failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENAMETOOLONG')) throw error;
      return undefined;
    }
  }

  private watch(path: string, fd: number, name: string | undefined, recursive: boolean): void {
    const known = this.folders.get(path);
    if (known === undefined) {
      const watcher = watch(`/proc/self/fd/${fd}`, (event, changed) => this.changed(path, changed, event === 'rename'));
      watcher.on('error', () => this.forget(path));
      this.folders.set(path, { watcher, names: name === undefined ? undefined : new Set([name]), recursive });
    } else {
      if (name === undefined) known.names = undefined;
      else known.names?.add(name);
      known.recursive ||= recursive;
    }
    if (!recursive) return;
    const folder = openat2(fd, '.', { flags: constants.O_RDONLY | constants.O_DIRECTORY });
    try {
      this.below(path, folder);
    } finally {
      closeSync(folder);
    }
  }

  private changed(folder: string, name: string | null, isNew: boolean): void {
    const watched = this.folders.get(folder);
    if (watched === undefined || name === null) return;
    if (watched.names?.has(name) ?? true) this.touch(join(folder, name), isNew);
  }

  private below(path: string, folder: number): void {
    for (const name of namesIn(folder)) {
      if (this.folders.size >= mostFolders) return;
      let opened: number;
      try {
        if (statx(folder, name).type !== fileTypes.directory) continue;
        opened = openFolder(folder, name);
      } catch (error) {
        if (failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV', 'EACCES')) continue;
        throw error;
      }
      try {
        this.watch(join(path, name.toString()), opened, undefined, true);
      } finally {
        closeSync(opened);
      }
    }
  }

  private touch(path: string, isNew: boolean): void {
    if (this.isClosed) return;
    this.touched.set(path, isNew || this.touched.get(path) === true);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.tell();
    }, settleMilliseconds);
  }

  private forget(path: string): void {
    this.folders.get(path)?.watcher.close();
    this.folders.delete(path);
  }

  private async tell(): Promise<void> {
    const touched = [...this.touched];
    this.touched.clear();
    let events: WatchReport['events'];
    try {
      events = await withOpenRoot(this.view, (root) =>
        touched.length > mostEvents
          ? [...new Set(touched.map(([path]) => parentOf(path)))].map((path) => ({ path, type: 'changed' as const }))
          : touched.map(([path, isNew]) => ({ path, type: this.whatBecame(root, path, isNew) })),
      );
    } catch (error) {
      // The container has ended: with it, all that was watched is gone, and the helper knows.
      process.stderr.write(`Not told what changed: ${String(error)}\n`);
      return;
    }
    if (!this.isClosed) this.report({ phase: String(this.reports++), events });
  }

  private whatBecame(root: OpenRoot, path: string, isNew: boolean): FileEvent['type'] {
    try {
      const type = at(root, path, false, (fd) => statx(fd, '').type);
      if (isNew && type === fileTypes.directory && this.folders.get(parentOf(path))?.recursive) {
        this.forget(path);
        this.add(root, path, true);
      }
      return isNew ? 'created' : 'changed';
    } catch (error) {
      if (!failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
      this.forget(path);
      return 'deleted';
    }
  }
}

function join(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

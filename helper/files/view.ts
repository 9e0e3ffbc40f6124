/** Roots to look into: of containers, running or not, of what they were made from, and of images. */
import { closeSync, type FSWatcher, promises as fs, statSync, watch } from 'node:fs';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { isAlive } from '../inspect/stat.js';
import type { FileRoot } from '../protocol/index.js';
import { waitForHolder } from './holder.js';
import { drain, isAskedToEnd, openLease, withViewLock } from './lease.js';
import { locateView, type ViewSource, viewFolder } from './viewSource.js';

/** A root that is mounted for as long as it is in use. */
export interface RootView {
  /** The process whose root it is: the container's init, or a holder. */
  pid: number;
  /** Clock ticks since boot: whoever opens the root checks it (helper/files/openRoot.ts). */
  startTime: number;
  /** `/proc/PID/root`. Never joined with paths of the root: those are opened with openat2 below it. */
  path: string;
  /** Why nothing can be changed in it, in a sentence; absent where the kernel decides file by file. */
  readOnly?: string;
  /**
   * A process whose user namespace the agent has to be in, where that is not our zygote's: the container was started by
   * one of an older program, or by one that was killed.
   */
  agentBeside?: number;
  /** Folder of the lease that the user of a view of its own process takes. */
  folder: string;
}

/** How long a view that nobody uses stays mounted: opening it again takes some milliseconds. */
const idleMilliseconds = 30_000;

interface OpenView {
  view: RootView;
  lease: number;
  users: number;
  /** Aborted when somebody is about to start or remove the container. */
  ending: AbortController;
  /** Absent where inotify has run out. */
  watcher?: FSWatcher;
  idle?: NodeJS.Timeout;
  isClosed: boolean;
}

/** Views of this process, by folder. */
const openViews = new WeakMap<Machine, Map<string, Promise<OpenView>>>();

/**
 * Calls `work` with the root, mounted if need be. Where the writable layer of a container is in it, the container can not
 * be started or removed before `work` is done: it has to end soon when `signal` tells that somebody wants to.
 * @throws NotFound, WrongState, StepFailed, and what `work` throws
 */
export async function withRootView<T>(
  machine: Machine,
  root: FileRoot,
  work: (view: RootView, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const open = await take(machine, await locateView(machine, root));
  try {
    return await work(open.view, open.ending.signal);
  } finally {
    giveBack(open);
  }
}

/**
 * Makes sure that nobody, in any helper, has the root of a container mounted or in use. The caller holds the container's
 * lock, and is about to mount that root itself, or to remove it.
 * @throws WrongState when somebody does not let go of it
 */
export async function endRootView(machine: Machine, { id, name }: Pick<ContainerRecord, 'id' | 'name'>): Promise<void> {
  await end(viewFolder(machine, id), name);
}

/** The same, and removes what views of a container that goes have left. */
export async function removeRootViews(machine: Machine, { id, name }: ContainerRecord): Promise<void> {
  for (const folder of [viewFolder(machine, id), viewFolder(machine, `${id}-base`)]) {
    await end(folder, name);
    await fs.rm(folder, { recursive: true, force: true });
  }
}

/** Gives back all that this process has: holders end unless other helpers use them. */
export async function closeRootViews(machine: Machine): Promise<void> {
  const views = openViews.get(machine);
  openViews.delete(machine);
  for (const opening of views?.values() ?? []) {
    await opening.then(close, () => undefined);
  }
}

async function end(folder: string, name: string): Promise<void> {
  // Most containers have never been looked into.
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return;
  await withViewLock(folder, async () => {
    const lease = openLease(folder);
    try {
      await drain(folder, lease, name);
    } finally {
      closeSync(lease);
    }
    await waitForHolder(folder, name);
  });
}

/** A view for one more user: the one that is open when it still is what is asked for, else a new one. */
async function take(machine: Machine, source: ViewSource): Promise<OpenView> {
  const views = openViews.get(machine) ?? new Map<string, Promise<OpenView>>();
  openViews.set(machine, views);
  const opening = views.get(source.folder);
  if (opening !== undefined) {
    const open = await opening.catch(() => undefined);
    if (open !== undefined && isUsable(open, source)) {
      clearTimeout(open.idle);
      open.users++;
      return open;
    }
    // Who came before us may have replaced it already.
    if (views.get(source.folder) === opening) views.delete(source.folder);
    if (open !== undefined) retire(open);
    return take(machine, source);
  }
  const made = openView(machine, source);
  views.set(source.folder, made);
  try {
    const open = await made;
    if (!open.isClosed) {
      open.users++;
      return open;
    }
    if (views.get(source.folder) === made) views.delete(source.folder);
    return await take(machine, source);
  } catch (error) {
    if (views.get(source.folder) === made) views.delete(source.folder);
    throw error;
  }
}

function isUsable(open: OpenView, { init }: ViewSource): boolean {
  if (open.isClosed || open.ending.signal.aborted) return false;
  return isAlive(open.view) && (init === undefined || init.pid === open.view.pid);
}

async function openView(machine: Machine, source: ViewSource): Promise<OpenView> {
  const { process, lease, readOnly, agentBeside } = await source.open();
  try {
    const open: OpenView = {
      view: {
        ...process,
        path: `/proc/${process.pid}/root`,
        folder: source.folder,
        ...(readOnly === undefined ? {} : { readOnly }),
        ...(agentBeside === undefined ? {} : { agentBeside }),
      },
      lease,
      users: 0,
      ending: new AbortController(),
      isClosed: false,
    };
    try {
      const look = () => isAskedToEnd(source.folder) && retire(open);
      open.watcher = watch(source.folder, look);
      open.watcher.on('error', () => retire(open));
      // Asked before inotify would have told.
      look();
    } catch (error) {
      machine.log(`nobody can ask for the end of a view, so it ends at once: ${String(error)}`);
    }
    return open;
  } catch (error) {
    closeSync(lease);
    throw error;
  }
}

function giveBack(open: OpenView): void {
  open.users--;
  if (open.users > 0) return;
  if (open.ending.signal.aborted || open.watcher === undefined) close(open);
  else open.idle = setTimeout(() => close(open), idleMilliseconds).unref();
}

/** No one else gets it; who has it is told. */
function retire(open: OpenView): void {
  open.ending.abort();
  if (open.users === 0) close(open);
}

function close(open: OpenView): void {
  if (open.isClosed) return;
  open.isClosed = true;
  clearTimeout(open.idle);
  open.watcher?.close();
  closeSync(open.lease);
}

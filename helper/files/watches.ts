/** What one client watches, in any number of roots. Each root has one request of the agent, which runs until it is cancelled. */
import { setTimeout as delay } from 'node:timers/promises';
import { ResponseError } from 'vscode-jsonrpc';
import type { Machine } from '../container/machine.js';
import { isCancelled } from '../image/failure.js';
import { isAlive } from '../inspect/stat.js';
import {
  type ContainerSummary,
  ErrorCode,
  type FileEvent,
  type FileReference,
  type FileRoot,
} from '../protocol/index.js';
import { type WatchedPath, WatchPaths, WatchReportType } from './agentProtocol.js';
import type { FileAgents } from './agents.js';
import { type RootView, withRootView } from './view.js';
import { locateView } from './viewSource.js';

/** After a failure; then longer and longer. */
const firstPauseMilliseconds = 500;
const longestPauseMilliseconds = 60_000;

interface WatchedRoot {
  root: FileRoot;
  paths: WatchedPath[];
  stop: AbortController;
  /** Aborted when what is watched is no longer what the root shows. */
  again: AbortController;
  view?: RootView;
}

export class FileWatches {
  private roots: WatchedRoot[] = [];

  constructor(
    private readonly machine: Machine,
    private readonly agents: FileAgents,
    private readonly onChanged: (events: FileEvent[]) => void,
  ) {}

  /** Watches these, and nothing else any more. */
  replace(watched: readonly (FileReference & { recursive?: boolean })[]): void {
    const wanted = new Map<string, WatchedRoot>();
    for (const { root, path, recursive } of watched) {
      const key = JSON.stringify(root);
      const one = wanted.get(key) ?? { root, paths: [], stop: new AbortController(), again: new AbortController() };
      one.paths.push({ path, ...(recursive === undefined ? {} : { recursive }) });
      wanted.set(key, one);
    }
    this.dispose();
    this.roots = [...wanted.values()];
    for (const one of this.roots) void this.run(one);
  }

  /** To be told of every change of the list: a container that was started or has ended shows another root. */
  follow(containers: readonly ContainerSummary[]): void {
    for (const { root, view, again } of this.roots) {
      if (root.kind !== 'container' || view === undefined) continue;
      const now = containers.find(({ id, name }) => id === root.container || name === root.container);
      if (!isAlive(view) || (now?.init !== undefined && now.init.pid !== view.pid)) again.abort();
    }
  }

  dispose(): void {
    for (const { stop } of this.roots) stop.abort();
    this.roots = [];
  }

  private async run(watched: WatchedRoot): Promise<void> {
    const { root, paths, stop } = watched;
    let pause = firstPauseMilliseconds;
    for (let round = 0; !stop.signal.aborted; round++) {
      watched.again = new AbortController();
      try {
        // Whatever has changed while nobody looked.
        if (round > 0) this.onChanged(paths.map(({ path }) => ({ root, path, type: 'changed' })));
        await withRootView(this.machine, root, (view, ending) => this.watch(watched, view, ending));
      } catch (error) {
        if (isCancelled(error)) {
          pause = firstPauseMilliseconds;
          continue;
        }
        // Removed: whoever still watches it will notice. A process that has just ended is not found either.
        if (await this.isGone(root)) return;
        this.machine.log(`files are not watched: ${error instanceof Error ? error.message : String(error)}`);
        await delay(pause, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
        pause = Math.min(pause * 4, longestPauseMilliseconds);
      } finally {
        delete watched.view;
      }
    }
  }

  private async isGone(root: FileRoot): Promise<boolean> {
    try {
      await locateView(this.machine, root);
      return false;
    } catch (error) {
      return error instanceof ResponseError && error.code === ErrorCode.NotFound;
    }
  }

  private async watch(watched: WatchedRoot, view: RootView, ending: AbortSignal): Promise<void> {
    const { root, paths, stop, again } = watched;
    watched.view = view;
    await this.agents.of(view).request(
      WatchPaths,
      { view, paths },
      {
        signal: AbortSignal.any([stop.signal, again.signal, ending]),
        progress: {
          type: WatchReportType,
          listener: ({ events }) => this.onChanged(events.map((event) => ({ root, ...event }))),
        },
      },
    );
  }
}

import { type FSWatcher, rmSync, watch, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { VolumeSummary } from '../protocol/index.js';
import type { Machine } from './machine.js';
import { listVolumes } from './volumes.js';

/** Several changes in a row are told once. */
const settleMilliseconds = 15;
/** Where inotify cannot be had. */
const pollMilliseconds = 2000;
/** A file that comes and goes in the runtime folder: its name says whose mounts are others now. */
const announcement = /^mounts-([0-9a-f]+)$/;

/** Who wants to hear of mounts and volumes. */
export interface MountListener {
  /** What is mounted in a container is not what it was. */
  mounts: (container: string) => void;
  volumes: (volumes: VolumeSummary[]) => void;
}

/** Tells when mounts of running containers, volumes, or who has those, change, whichever helper changed them. */
export class MountWatch {
  private isWatching = false;
  private watchers: FSWatcher[] = [];
  private poll: NodeJS.Timeout | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly changed = new Set<string>();
  /** What was told last; the first list is nobody's news. */
  private told: string | undefined;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly machine: Machine,
    private readonly listener: MountListener,
  ) {}

  start(): void {
    const { runtime, volumes } = this.machine.locations;
    this.isWatching = true;
    try {
      this.begin(runtime, (name) => this.announced(name));
      this.begin(volumes, () => this.touch());
    } catch (error) {
      this.lookNowAndThen(error);
    }
    this.touch();
  }

  stop(): void {
    this.isWatching = false;
    clearTimeout(this.timer);
    clearInterval(this.poll);
    for (const watcher of this.watchers) watcher.close();
    this.watchers = [];
  }

  /** Looks whether containers that came, went, began or ended make a difference to volumes. */
  touch(): void {
    if (!this.isWatching) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.reading = this.reading.then(() => this.read());
    }, settleMilliseconds);
  }

  private begin(folder: string, heard: (name: string) => void): void {
    const watcher = watch(folder, (_, name) => heard(name ?? ''));
    watcher.on('error', (error) => this.lookNowAndThen(error));
    this.watchers.push(watcher);
  }

  private announced(name: string): void {
    const container = announcement.exec(name)?.[1];
    if (container === undefined) return;
    this.changed.add(container);
    this.touch();
  }

  /** Users have 128 inotify instances in all: other programs may have taken them. */
  private lookNowAndThen(error: unknown): void {
    this.machine.log(
      `volumes are looked for, mounts not told: ${error instanceof Error ? error.message : String(error)}`,
    );
    this.poll ??= setInterval(() => this.touch(), pollMilliseconds).unref();
  }

  private async read(): Promise<void> {
    if (!this.isWatching) return;
    for (const container of this.changed) this.listener.mounts(container);
    this.changed.clear();
    try {
      const volumes = await listVolumes(this.machine);
      const told = JSON.stringify(volumes);
      const isNews = this.told !== undefined && this.told !== told;
      this.told = told;
      if (isNews && this.isWatching) this.listener.volumes(volumes);
    } catch (error) {
      this.machine.log(`volumes could not be listed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/**
 * Lets every helper know that mounts of a container are others now: the kernel tells nobody who is outside. They are so
 * whether or not it can be told.
 */
export function announceMounts(machine: Machine, container: string): void {
  const file = path.join(machine.locations.runtime, `mounts-${container}`);
  try {
    writeFileSync(file, '', { mode: 0o600 });
    rmSync(file, { force: true });
  } catch (error) {
    machine.log(`that mounts of ${container} changed was not told: ${String(error)}`);
  }
}

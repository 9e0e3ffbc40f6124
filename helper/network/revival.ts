/**
 * Makes ways out again that end while containers need them: a few times, with growing pauses, as systemd.service(5) does by
 * Restart= and StartLimit…. Every helper that lives does so; the lock of networks sees to it that one of them does.
 */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Machine } from '../container/machine.js';
import { isAlive } from '../inspect/stat.js';
import type { OutboundState } from '../protocol/index.js';
import { endpointsOf } from './endpoints.js';
import { liveHolder, type NetworkHolder } from './holder.js';
import {
  type OutboundRecord,
  outboundFolder,
  readOutbound,
  readyOutbound,
  stateOf,
  writeOutbound,
} from './outbound.js';
import { isNetwork, lockedNetworks, type NetworkRecord, networkNames, readNetwork, readNetworks } from './store.js';

/** So often within so long: what ends more often does not work here. */
const limit = 5;
const withinMilliseconds = 5 * 60_000;
/** Before the first time; each further one waits three times as long, 8 s at most. */
const firstPauseMilliseconds = 100;
const growth = 3;
/** The end of one is several events in its folder. */
const settleMilliseconds = 15;

/** How long to wait until it is made again, by the times when it was; undefined: no more by itself. Pure. */
export function pauseBefore(revivals: readonly number[], now: number): number | undefined {
  const lately = recent(revivals, now).length;
  return lately >= limit ? undefined : firstPauseMilliseconds * growth ** lately;
}

const recent = (revivals: readonly number[], now: number) => revivals.filter((at) => at > now - withinMilliseconds);

interface Watched {
  watcher: FSWatcher;
  /** Of the folder: a network that was removed and made again has another one of the same name. */
  inode: number;
  settle?: NodeJS.Timeout;
  pause?: NodeJS.Timeout;
  /** As it was told last. */
  told: OutboundState;
}

/** Watches the ways out of networks, by inotify on what their monitors write. */
export class OutboundWatch {
  private readonly watched = new Map<string, Watched>();
  private work: Promise<void> = Promise.resolve();
  private isStopped = false;

  /** @param tell  hears the names of all networks when a way out has ended, came back, or is given up */
  constructor(
    private readonly machine: Machine,
    private readonly tell: (networks: string[]) => void,
  ) {}

  /** To be called whenever containers have changed: with the first one in a network comes its way out. */
  follow(): void {
    this.enqueue(async () => {
      const networks = await readNetworks(this.machine.locations);
      const live = networks.flatMap(({ name, outbound }) =>
        outbound !== 'none' && liveHolder(this.machine.locations, name) !== undefined ? [name] : [],
      );
      for (const name of this.watched.keys()) if (!live.includes(name)) this.forget(name);
      for (const name of live) await this.begin(name);
    });
  }

  /** Waits for what is being made. */
  async stop(): Promise<void> {
    this.isStopped = true;
    for (const name of [...this.watched.keys()]) this.forget(name);
    await this.work;
  }

  private async begin(name: string): Promise<void> {
    const folder = outboundFolder(this.machine.locations, name);
    // Not there before the first way out.
    const inode = statSync(folder, { throwIfNoEntry: false })?.ino;
    if (this.watched.get(name)?.inode === inode) return;
    this.forget(name);
    if (inode === undefined) return;
    const watched: Watched = { watcher: watch(folder), inode, told: 'up' };
    watched.watcher.on('change', () => {
      watched.settle ??= setTimeout(() => {
        delete watched.settle;
        this.enqueue(() => this.look(name));
      }, settleMilliseconds);
    });
    watched.watcher.on('error', (error) => {
      this.machine.log(`the way out of ${name} is not watched: ${error.message}`);
      this.forget(name);
    });
    this.watched.set(name, watched);
    await this.look(name);
  }

  private forget(name: string): void {
    const watched = this.watched.get(name);
    if (watched === undefined) return;
    this.watched.delete(name);
    watched.watcher.close();
    clearTimeout(watched.settle);
    clearTimeout(watched.pause);
  }

  private async look(name: string): Promise<void> {
    const { locations } = this.machine;
    const watched = this.watched.get(name);
    if (watched === undefined) return;
    const record = readOutbound(outboundFolder(locations, name));
    if (record === undefined) return;
    const state = stateOf(record);
    if (state !== watched.told) {
      watched.told = state;
      this.tell(await networkNames(locations));
    }
    if (state !== 'ended' || watched.pause !== undefined) return;
    watched.pause = setTimeout(() => {
      delete watched.pause;
      this.enqueue(() => this.revive(name, record));
    }, pauseBefore(record.revivals, Date.now()) ?? 0);
  }

  /** Unless another helper has done so since it was `seen` to have ended, or nobody needs it. */
  private async revive(name: string, seen: OutboundRecord): Promise<void> {
    const { locations } = this.machine;
    await lockedNetworks(locations, async () => {
      if (this.isStopped || !(await isNetwork(locations, name))) return;
      const folder = outboundFolder(locations, name);
      const record = readOutbound(folder);
      if (record === undefined || isAlive(record.init)) return;
      if (!isDeepStrictEqual(record, seen)) return this.look(name);
      const network = readNetwork(locations, name);
      const holder = liveHolder(locations, name);
      const endpoints = await endpointsOf(this.machine, name);
      if (holder === undefined || endpoints.every(({ monitors }) => monitors.length === 0)) return;
      const now = Date.now();
      if (pauseBefore(record.revivals, now) === undefined) {
        this.machine.log(`the way out of ${name} has ended ${limit + 1} times: it is not made again until asked for`);
        return writeOutbound(folder, { ...record, givenUp: true });
      }
      await this.make(network, holder, { ...record, revivals: [...recent(record.revivals, now), now] });
    });
  }

  private async make(network: NetworkRecord, holder: NetworkHolder, record: OutboundRecord): Promise<void> {
    const { name } = network;
    this.machine.log(`the way out of ${name} has ended: it is made again (${record.revivals.length} of ${limit})`);
    // An attempt counts, however it ends; that it is noted is what leads to the next one.
    await writeOutbound(outboundFolder(this.machine.locations, name), record);
    await readyOutbound(this.machine, network, holder, record.revivals);
  }

  /** One after the other, since all want the same lock. */
  private enqueue(work: () => Promise<void>): void {
    this.work = this.work.then(async () => {
      if (this.isStopped) return;
      try {
        await work();
      } catch (error) {
        this.machine.log(`ways out: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
  }
}

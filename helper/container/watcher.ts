import { type FSWatcher, watch, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { livePorts } from '../network/publishedPorts.js';
import { holderFolder, networkHolder } from '../pods/holder.js';
import type { ContainerSummary } from '../protocol/index.js';
import { standInFor } from './damaged.js';
import type { Locations } from './locations.js';
import type { Machine } from './machine.js';
import { summarize } from './runs.js';

/** Several changes in a row are told once. */
const settleMilliseconds = 15;
/** Where inotify cannot be had. */
const pollMilliseconds = 2000;

/**
 * Tells when containers change, whoever changed them: this helper, another one, or the kernel. By inotify alone: sockets
 * come and go with runs, links with names; pausing has no file of its own, so helpers touch `changed`.
 */
export class ContainerWatcher {
  private isWatching = false;
  private watchers: FSWatcher[] = [];
  private poll: NodeJS.Timeout | undefined;
  private timer: NodeJS.Timeout | undefined;
  private last: ContainerSummary[] = [];
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly machine: Machine,
    /** Called whenever something may have changed, before the containers are looked at. */
    private readonly alongside: () => Promise<void>,
    private readonly onChange: (containers: ContainerSummary[], before: readonly ContainerSummary[]) => void,
  ) {}

  start(): void {
    const { runtime, names } = this.machine.locations;
    this.isWatching = true;
    try {
      for (const folder of [runtime, names]) {
        const watcher = watch(folder, () => this.touch());
        watcher.on('error', (error) => this.lookNowAndThen(error));
        this.watchers.push(watcher);
      }
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

  /** Users have 128 inotify instances in all: other programs may have taken them. */
  private lookNowAndThen(error: unknown): void {
    this.machine.log(`changes are looked for, not told: ${error instanceof Error ? error.message : String(error)}`);
    this.poll ??= setInterval(() => this.touch(), pollMilliseconds).unref();
  }

  private touch(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.reading = this.reading.then(() => this.read());
    }, settleMilliseconds);
  }

  private async read(): Promise<void> {
    try {
      if (this.isWatching) await this.alongside();
      const containers = await listContainers(this.machine);
      if (!this.isWatching || JSON.stringify(containers) === JSON.stringify(this.last)) return;
      const before = this.last;
      this.last = containers;
      this.onChange(containers, before);
    } catch (error) {
      this.machine.log(`containers could not be listed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** All of them, those with a damaged record too: they are told by what is known without it. */
export async function listContainers({ store, locations }: Machine): Promise<ContainerSummary[]> {
  const { records, damaged } = await store.survey();
  const summaries = await Promise.all([
    ...records.map(async (record) => withPodPorts(locations, await summarize(store, record))),
    ...damaged.map(async (container) => ({
      ...(await summarize(store, standInFor(container))),
      damaged: container.error.data?.cause ?? container.error.message,
    })),
  ]);
  return summaries.sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id));
}

/** The ports of the pod that it has its network from lead to a container that runs in it. */
function withPodPorts(locations: Locations, summary: ContainerSummary): ContainerSummary {
  const { pod, init } = summary;
  if (pod === undefined || init === undefined || networkHolder(locations, summary) === undefined) return summary;
  const ports = livePorts(holderFolder(locations, pod));
  return ports.length === 0 ? summary : { ...summary, ports };
}

/** Lets every helper know of a change that no file shows. */
export function announceChange(machine: Machine): void {
  const file = path.join(machine.locations.runtime, 'changed');
  writeFileSync(file, String(Date.now()), { mode: 0o600 });
}

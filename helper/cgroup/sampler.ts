import { setImmediate } from 'node:timers/promises';
import type { ContainerStats, DetailedStats, LimitTarget, ProcessIdentity } from '../protocol/index.js';
import { CgroupCounters, TightestMemory } from './counters.js';
import { ProcessTable, type ProcessUsage } from './processUsage.js';
import type { Mark } from './rates.js';
import type { CgroupRecord } from './record.js';
import { type Sources, sampleBrief, sampleDetails } from './statistics.js';

/** What runs, or a cgroup that is there. */
export interface SampledTarget {
  cgroup: CgroupRecord | undefined;
  /** Of a container: its processes are summed where it has no cgroup to ask. */
  init?: ProcessIdentity;
}

export interface SamplerOptions {
  /** What is known of a container now; undefined when it does not run: then it is passed over. */
  find(container: string): SampledTarget | undefined;
  /** The same of any target; it is then told to be gone. */
  resolve(target: LimitTarget): Promise<SampledTarget | undefined>;
  /** Called with the running ones after each round. */
  onSampled(stats: ContainerStats[]): void;
  onDetailed(details: DetailedStats[]): void;
  onError(error: unknown): void;
  /** Milliseconds; default 1000. */
  interval?: number;
}

/** How many are read before other work has its turn. */
const batch = 50;

/** What is open of one target, and its last counters. */
interface Open {
  target: SampledTarget;
  counters: CgroupCounters | undefined;
  mark?: Mark;
  /** Its init has gone: this was another run. */
  ended?: true;
}

/**
 * Samples what somebody looks at once a second, and does nothing at all while nobody does. What a target is, is looked up
 * when it is first sampled and again when its cgroup or its init has gone, not every second.
 */
export class StatisticsSampler {
  private readonly brief = new Map<string, Open | undefined>();
  private readonly details = new Map<string, { target: LimitTarget; open: Open | undefined }>();
  private readonly tightest = new TightestMemory();
  private readonly processes = new ProcessTable();
  /** The table is read at most once in a round, and only when it is needed. */
  private processesAreFresh = false;
  private timer: NodeJS.Timeout | undefined;
  private sampling = false;

  constructor(private readonly options: SamplerOptions) {}

  /** Replaces what is watched; what was watched before goes on with its rates. The first sample comes at once. */
  watch(containers: Iterable<string>, details: readonly LimitTarget[] = []): void {
    const wanted = new Set(containers);
    for (const [container, open] of this.brief) {
      if (wanted.has(container)) continue;
      open?.counters?.close();
      this.brief.delete(container);
    }
    for (const container of wanted) if (!this.brief.has(container)) this.brief.set(container, undefined);
    const targets = new Map(details.map((target) => [JSON.stringify(target), target]));
    for (const [key, { open }] of this.details) {
      if (targets.has(key)) continue;
      open?.counters?.close();
      this.details.delete(key);
    }
    for (const [key, target] of targets) {
      if (!this.details.has(key)) this.details.set(key, { target, open: undefined });
    }
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.brief.size === 0 && this.details.size === 0) {
      this.tightest.close();
      return;
    }
    this.timer = setInterval(() => void this.round(), this.options.interval ?? 1000);
    void this.round();
  }

  dispose(): void {
    this.watch([]);
  }

  private async round(): Promise<void> {
    // A slow round (a machine under pressure) must not pile up with the next.
    if (this.sampling) return;
    this.sampling = true;
    this.processesAreFresh = false;
    try {
      const stats = await this.sampleAll();
      if (stats.length > 0) this.options.onSampled(stats);
      const details = await this.sampleDetailed();
      if (details.length > 0) this.options.onDetailed(details);
    } catch (error) {
      this.options.onError(error);
    } finally {
      this.sampling = false;
    }
  }

  private async sampleAll(): Promise<ContainerStats[]> {
    this.tightest.begin();
    const sampled: ContainerStats[] = [];
    let count = 0;
    for (const container of [...this.brief.keys()]) {
      if (++count % batch === 0) await setImmediate();
      if (!this.brief.has(container)) continue;
      const open = this.stillThere(this.brief.get(container)) ?? openTarget(this.options.find(container));
      this.brief.set(container, open);
      if (open === undefined) continue;
      const { stats, mark } = sampleBrief(container, this.sourcesOf(open), this.tightest, open.mark);
      open.mark = mark;
      if (open.ended !== true) sampled.push(stats);
    }
    return sampled.filter(({ container }) => this.brief.has(container));
  }

  private async sampleDetailed(): Promise<DetailedStats[]> {
    const sampled: DetailedStats[] = [];
    for (const [key, watched] of [...this.details]) {
      const open = this.stillThere(watched.open) ?? openTarget(await this.resolve(watched.target));
      // Somebody may have looked away while it was looked up.
      if (this.details.get(key) !== watched) {
        open?.counters?.close();
        continue;
      }
      watched.open = open;
      if (open !== undefined) {
        const { stats, mark } = sampleDetails(watched.target, this.sourcesOf(open), open.mark);
        open.mark = mark;
        if (open.ended !== true) {
          sampled.push(stats);
          continue;
        }
      }
      sampled.push({ target: watched.target, at: new Date().toISOString(), gone: true });
    }
    return sampled;
  }

  /** One that cannot be looked up takes nothing from the others. */
  private async resolve(target: LimitTarget): Promise<SampledTarget | undefined> {
    try {
      return await this.options.resolve(target);
    } catch (error) {
      this.options.onError(error);
      return undefined;
    }
  }

  /** Undefined, and closed, when its cgroup or its init has gone: the next run has others. */
  private stillThere(open: Open | undefined): Open | undefined {
    if (open === undefined) return undefined;
    const { counters, ended } = open;
    if (ended !== true && counters?.isGone() !== true) return open;
    counters?.close();
    return undefined;
  }

  private sourcesOf(open: Open): Sources {
    const { init } = open.target;
    const processes = (): ProcessUsage | undefined => {
      const usage = init === undefined ? undefined : this.table().sum(init);
      if (init !== undefined && usage === undefined) open.ended = true;
      return usage;
    };
    return { counters: open.counters, processes };
  }

  private table(): ProcessTable {
    if (!this.processesAreFresh) this.processes.refresh();
    this.processesAreFresh = true;
    return this.processes;
  }
}

/** Undefined for what is not there any more. */
function openTarget(target: SampledTarget | undefined): Open | undefined {
  if (target === undefined) return undefined;
  if (target.cgroup === undefined) return { target, counters: undefined };
  const counters = new CgroupCounters(target.cgroup);
  return counters.isGone() ? undefined : { target, counters };
}

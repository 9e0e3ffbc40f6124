import type { ContainerStats } from '../protocol/index.js';
import { type CpuMark, type StatisticsSource, sampleStatistics } from './statistics.js';

export interface SamplerOptions {
  /** What is known of a container now; undefined when it does not run: then it is passed over. */
  find(container: string): StatisticsSource | undefined;
  /** Called with the running ones after each round. */
  onSampled(stats: ContainerStats[]): void;
  onError(error: unknown): void;
  /** Milliseconds; default 1000. */
  interval?: number;
}

/** Samples the containers somebody looks at once a second, and does nothing at all while nobody does. */
export class StatisticsSampler {
  private watched: ReadonlySet<string> = new Set();
  private readonly marks = new Map<string, CpuMark>();
  private timer: NodeJS.Timeout | undefined;
  private sampling = false;

  constructor(private readonly options: SamplerOptions) {}

  /** Replaces the set of watched containers. The first sample comes at once. */
  watch(containers: Iterable<string>): void {
    this.watched = new Set(containers);
    for (const known of this.marks.keys()) if (!this.watched.has(known)) this.marks.delete(known);
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.watched.size === 0) return;
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
    try {
      const sources = [...this.watched].flatMap((container) => this.options.find(container) ?? []);
      const stats = await Promise.all(sources.map((source) => this.sample(source)));
      const wanted = stats.filter(({ container }) => this.watched.has(container));
      if (wanted.length > 0) this.options.onSampled(wanted);
    } catch (error) {
      this.options.onError(error);
    } finally {
      this.sampling = false;
    }
  }

  private async sample(source: StatisticsSource): Promise<ContainerStats> {
    const { stats, mark } = await sampleStatistics(source, this.marks.get(source.container));
    if (this.watched.has(source.container)) this.marks.set(source.container, mark);
    return stats;
  }
}

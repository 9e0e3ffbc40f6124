import { type Disposable, EventEmitter } from 'vscode';
import {
  type ContainerStats,
  type ContainerSummary,
  ContainersChanged,
  ListContainers,
  StatsSampled,
} from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { orderContainers } from './containerText.js';

/**
 * What the helper last said about containers. It is asked once per helper; from then on its notifications keep this
 * up to date, and nothing polls.
 */
export class ContainerStore implements Disposable {
  private containers: ContainerSummary[] | undefined;
  private loading: Promise<ContainerSummary[]> | undefined;
  private readonly samples = new Map<string, ContainerStats>();
  private readonly changed = new EventEmitter<void>();
  private readonly sampled = new EventEmitter<readonly string[]>();
  private readonly subscriptions: Disposable[];

  /** The list, or a state in it, changed. */
  readonly onDidChange = this.changed.event;
  /** New statistics for the containers of these ids. */
  readonly onDidSample = this.sampled.event;

  constructor(private readonly helper: HelperClient) {
    this.subscriptions = [
      helper.onNotification(ContainersChanged, ({ containers }) => this.take(containers)),
      helper.onNotification(StatsSampled, ({ stats }) => this.takeSamples(stats)),
      helper.onDidChangeState((state) => {
        if (state.kind !== 'ready') {
          this.containers = undefined;
          this.samples.clear();
        }
        if (state.kind === 'failed') {
          this.changed.fire();
        }
      }),
    ];
  }

  /** All containers, running ones first; starts the helper when it has to. */
  async list(): Promise<ContainerSummary[]> {
    if (this.containers) {
      return this.containers;
    }
    this.loading ??= this.load().finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  /** What is known at this moment, without asking. */
  get known(): readonly ContainerSummary[] {
    return this.containers ?? [];
  }

  /** A container by id, as last heard of. */
  find(id: string): ContainerSummary | undefined {
    return this.known.find((summary) => summary.id === id);
  }

  stats(id: string): ContainerStats | undefined {
    return this.samples.get(id);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.changed.dispose();
    this.sampled.dispose();
  }

  private async load(): Promise<ContainerSummary[]> {
    const containers = await this.helper.request(ListContainers);
    // A notification that came meanwhile is newer than this answer.
    if (!this.containers) {
      this.take(containers);
    }
    return this.containers ?? containers;
  }

  private take(containers: readonly ContainerSummary[]): void {
    this.containers = orderContainers(containers);
    const ids = new Set(containers.map(({ id }) => id));
    for (const id of this.samples.keys()) {
      if (!ids.has(id)) {
        this.samples.delete(id);
      }
    }
    this.changed.fire();
  }

  private takeSamples(stats: readonly ContainerStats[]): void {
    for (const sample of stats) {
      this.samples.set(sample.container, sample);
    }
    this.sampled.fire(stats.map(({ container }) => container));
  }
}

import { type Disposable, EventEmitter } from 'vscode';
import { ListPods, type PodSummary, PodsChanged } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';

/** What the helper last said about pods. It is asked once per helper; from then on its notifications keep this up to date. */
export class PodStore implements Disposable {
  private pods: readonly PodSummary[] | undefined;
  private readonly changed = new EventEmitter<void>();
  private readonly subscriptions: Disposable[];

  readonly onDidChange = this.changed.event;

  constructor(private readonly helper: HelperClient) {
    this.subscriptions = [
      helper.onNotification(PodsChanged, ({ pods }) => {
        this.pods = pods;
        this.changed.fire();
      }),
      helper.onDidChangeState((state) => {
        if (state.kind !== 'ready') this.pods = undefined;
      }),
    ];
  }

  /** All of them, by name. */
  async list(): Promise<readonly PodSummary[]> {
    if (this.pods) return this.pods;
    const pods = await this.helper.request(ListPods);
    // A notification that came meanwhile is newer than this answer.
    this.pods ??= pods;
    return this.pods;
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }
}

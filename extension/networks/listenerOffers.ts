import { ConfigurationTarget, commands, type Disposable, type LogOutputChannel, l10n, window, workspace } from 'vscode';
import { ListenersChanged, type NetworkState, ReadNetworkState, WatchListeners } from '../../helper/protocol/index.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { ContainersView } from '../containers/containersView.js';
import type { HelperClient } from '../helperClient.js';
import type { Terminals } from '../terminal/terminals.js';
import { messageText } from '../text/untrusted.js';
import { type Listener, offerText, unpublished } from './portText.js';

const setting = 'notifyListeningPorts';

/**
 * Offers to publish what begins to listen in containers: beside the section in the tree, and by a notification where
 * somebody has a terminal of this window in the container. Only while the tree can be seen: nothing polls otherwise.
 */
export class ListenerOffers implements Disposable {
  private watched: readonly string[] = [];
  /** As they were when something began or ceased to listen. */
  private readonly states = new Map<string, NetworkState>();
  private readonly notes = new Map<string, string>();
  /** Told once for each run of a container, whether it was taken or not. */
  private readonly told = new Set<string>();
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly helper: HelperClient,
    private readonly store: ContainerStore,
    private readonly containers: ContainersView,
    private readonly terminals: Terminals,
    private readonly log: LogOutputChannel,
  ) {
    this.subscriptions = [
      containers.view.onDidChangeVisibility(() => this.watch()),
      store.onDidChange(() => this.update()),
      helper.onNotification(ListenersChanged, ({ containers: changed }) => {
        for (const container of changed) this.look(container);
      }),
      helper.onDidChangeState(({ kind }) => {
        // Another helper watches nothing yet.
        if (kind !== 'ready') this.watched = [];
      }),
    ];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private update(): void {
    this.watch();
    // A port that was published is no offer any more, one that was withdrawn is one again.
    for (const container of this.states.keys()) this.offer(container);
  }

  private watch(): void {
    const running = this.containers.view.visible ? this.store.known.filter(({ state }) => state === 'running') : [];
    const ids = running.map(({ id }) => id).sort();
    if (ids.join() === this.watched.join()) return;
    for (const id of this.states.keys()) if (this.store.find(id)?.state !== 'running') this.forget(id);
    const added = ids.filter((id) => !this.watched.includes(id));
    this.watched = ids;
    this.helper.request(WatchListeners, { containers: ids }).catch((error: unknown) => {
      // Tried again with the next change.
      this.watched = [];
      this.log.warn(`Watching ports: ${String(error)}`);
    });
    // The helper tells only of those in which something listens: what was known may be over.
    for (const id of added.filter((one) => this.states.has(one))) this.look(id);
  }

  private forget(container: string): void {
    this.states.delete(container);
    this.note(container, undefined);
  }

  /** Reads what listens now. */
  private look(container: string): void {
    this.read(container).catch((error: unknown) =>
      // It ended meanwhile, mostly; the tree says so.
      this.log.debug(`Ports of ${container}: ${String(error)}`),
    );
  }

  private async read(container: string): Promise<void> {
    const state = await this.helper.request(ReadNetworkState, { target: { container } });
    this.states.set(container, state);
    // What the section lists differs, also where the note does not.
    this.containers.tree.readNetwork(container);
    for (const listener of this.offer(container)) {
      await this.notify(container, state.process.startTime, listener);
    }
  }

  private offer(container: string): Listener[] {
    const state = this.states.get(container);
    const offers = state === undefined ? [] : unpublished(state, this.store.find(container)?.ports ?? []);
    this.note(container, offerText(offers));
    return offers;
  }

  private note(container: string, note: string | undefined): void {
    if (this.notes.get(container) === note) return;
    if (note === undefined) this.notes.delete(container);
    else this.notes.set(container, note);
    this.containers.tree.noteNetwork(container, note);
  }

  private async notify(container: string, startTime: number, listener: Listener): Promise<void> {
    const { port, protocol, programs, reachable } = listener;
    const key = `${container} ${startTime} ${port}`;
    const isWanted = workspace.getConfiguration('terrarium').get<boolean>(setting, true);
    if (!isWanted || protocol !== 'tcp' || !reachable || this.told.has(key)) return;
    const terminal = await this.terminals.find((record) => record.container === container && record.use !== 'log');
    const name = this.store.find(container)?.name;
    if (terminal === undefined || name === undefined) return;
    this.told.add(key);
    const publish = { title: l10n.t('Publish') };
    const never = { title: l10n.t("Don't Ask Again") };
    const who = programs.join(', ');
    const text =
      who === ''
        ? l10n.t('Something in {0} listens at port {1}, which is not published.', messageText(name), port)
        : l10n.t('{0} in {1} listens at port {2}, which is not published.', messageText(who), messageText(name), port);
    // Whoever waits for the next one must not wait for this to be closed.
    window.showInformationMessage(text, publish, never).then(
      async (chosen) => {
        if (chosen === publish) {
          await commands.executeCommand('terrarium.publishPort', { kind: 'listener', container, listener });
        } else if (chosen === never) {
          await workspace.getConfiguration('terrarium').update(setting, false, ConfigurationTarget.Global);
        }
      },
      (reason: unknown) => this.log.error(`Notification: ${String(reason)}`),
    );
  }
}

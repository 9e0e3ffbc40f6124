import { commands, type Disposable, type LogOutputChannel, l10n, type TreeView, window } from 'vscode';
import type { Notifier } from '../errors/notifier.js';
import type { HelperClient } from '../helperClient.js';
import { MountDrop } from '../mounts/mountDrop.js';
import type { PodStore } from '../pods/podStore.js';
import type { ContainerStore } from './containerStore.js';
import { ContainerTree } from './containerTree.js';
import type { ContainerTreeNode } from './nodes.js';

/** The view of containers: the tree with its badge, and statistics asked for only while it can be seen. */
export class ContainersView implements Disposable {
  readonly tree: ContainerTree;
  readonly view: TreeView<ContainerTreeNode>;
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly store: ContainerStore,
    pods: PodStore,
    private readonly helper: HelperClient,
    private readonly log: LogOutputChannel,
    notifier: Notifier,
  ) {
    this.tree = new ContainerTree(store, pods, helper, log);
    this.view = window.createTreeView('terrarium.containers', {
      treeDataProvider: this.tree,
      dragAndDropController: new MountDrop(helper, store, notifier, (container) => this.tree.refreshMounts(container)),
      canSelectMany: true,
      showCollapseAll: true,
    });
    this.subscriptions = [
      this.tree,
      this.view,
      this.view.onDidChangeVisibility(() => this.watch()),
      this.view.onDidExpandElement(({ element }) => this.tree.opened(element, true)),
      this.view.onDidCollapseElement(({ element }) => this.tree.opened(element, false)),
      store.onDidChange(() => this.update()),
    ];
  }

  /** Selects a container in the tree, once it is there. Does not take the focus. */
  async reveal(container: string): Promise<void> {
    const node = await this.tree.node(container);
    if (node && this.view.visible) {
      await this.view.reveal(node, { select: true, focus: false });
    }
  }

  dispose(): void {
    this.helper.statistics.set(this, []);
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
  }

  private update(): void {
    this.watch();
    const running = this.store.known.filter(({ state }) => state === 'running' || state === 'paused').length;
    this.view.badge =
      running === 0
        ? undefined
        : {
            value: running,
            tooltip: running === 1 ? l10n.t('1 container is running') : l10n.t('{0} containers are running', running),
          };
    commands
      .executeCommand('setContext', 'terrarium.hasContainers', this.store.known.length > 0)
      .then(undefined, (reason: unknown) => this.log.error(`Context: ${String(reason)}`));
  }

  private watch(): void {
    this.tree.setVisible(this.view.visible);
    const running = this.view.visible ? this.store.known.filter(({ state }) => state === 'running') : [];
    this.helper.statistics.set(
      this,
      running.map(({ id }) => id),
    );
  }
}

import {
  commands,
  type Disposable,
  EventEmitter,
  type LogOutputChannel,
  type Memento,
  type TreeDataProvider,
  type TreeItem,
  TreeItemCollapsibleState,
  type TreeView,
  window,
} from 'vscode';
import { ListMachineNamespaces, type NamespaceReport } from '../../helper/protocol/index.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { HelperClient } from '../helperClient.js';
import { treeItem } from '../views/treeItem.js';
import { type Arrangement, childrenOf, isLeaf, type NamespaceNode, presentNode } from './nodes.js';

const arrangementKey = 'terrarium.namespaces.arrangement';

/**
 * The namespaces of the machine. Read when the view is seen, when containers change while it is, and when asked to: the
 * kernel does not tell of namespaces that come and go, and nothing polls.
 */
export class NamespacesView implements TreeDataProvider<NamespaceNode>, Disposable {
  readonly view: TreeView<NamespaceNode>;
  private report: Promise<NamespaceReport> | undefined;
  /** The latest that was read: nodes are drawn after it. */
  private read: NamespaceReport | undefined;
  /** Somebody has looked: before, there is nothing to bring up to date. */
  private asked = false;
  private arrangement: Arrangement;
  private readonly changed = new EventEmitter<NamespaceNode | undefined>();
  private readonly subscriptions: Disposable[];

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly helper: HelperClient,
    store: ContainerStore,
    private readonly state: Memento,
    private readonly log: LogOutputChannel,
  ) {
    this.arrangement = state.get<string>(arrangementKey) === 'owner' ? 'owner' : 'type';
    this.view = window.createTreeView('terrarium.namespaces', { treeDataProvider: this, showCollapseAll: true });
    this.subscriptions = [
      this.view,
      this.view.onDidChangeVisibility(({ visible }) => {
        if (visible && this.asked) this.refresh();
      }),
      store.onDidChange(() => {
        if (this.view.visible) this.refresh();
      }),
      helper.onDidChangeState(({ kind }) => {
        if (kind !== 'starting' && this.asked && this.view.visible) this.refresh();
      }),
    ];
    this.tellArrangement();
  }

  /** Reads everything anew. */
  refresh(): void {
    this.report = undefined;
    this.changed.fire(undefined);
  }

  async arrange(arrangement: Arrangement): Promise<void> {
    this.arrangement = arrangement;
    this.tellArrangement();
    this.changed.fire(undefined);
    await this.state.update(arrangementKey, arrangement);
  }

  getTreeItem(node: NamespaceNode): TreeItem {
    const { None, Collapsed } = TreeItemCollapsibleState;
    return treeItem(node.id, presentNode(node, this.read, this.arrangement), isLeaf(node) ? None : Collapsed);
  }

  async getChildren(node?: NamespaceNode): Promise<NamespaceNode[]> {
    try {
      this.asked = true;
      this.report ??= this.helper.request(ListMachineNamespaces);
      this.read = await this.report;
      return childrenOf(this.read, this.arrangement, node);
    } catch (error) {
      // Not kept: the next refresh tries again.
      this.report = undefined;
      const message = error instanceof Error ? error.message : String(error);
      this.log.error(`Namespaces could not be listed: ${message}`);
      return this.helper.state.kind === 'ready' ? [{ kind: 'failure', id: 'failure', message }] : [];
    }
  }

  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.changed.dispose();
  }

  /** For the button that changes it. */
  private tellArrangement(): void {
    commands
      .executeCommand('setContext', 'terrarium.namespacesBy', this.arrangement)
      .then(undefined, (reason: unknown) => this.log.error(`Context: ${String(reason)}`));
  }
}

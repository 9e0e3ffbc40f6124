import {
  type Disposable,
  EventEmitter,
  type LogOutputChannel,
  type TreeDataProvider,
  type TreeItem,
  TreeItemCollapsibleState,
  type TreeView,
  window,
} from 'vscode';
import {
  InspectNetwork,
  ListNetworks,
  type NetworkMember,
  type NetworkSummary,
  NetworksChanged,
} from '../../helper/protocol/index.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { HelperClient } from '../helperClient.js';
import { presentFailure } from '../views/failure.js';
import { treeItem } from '../views/treeItem.js';
import { presentMember, presentNetwork } from './networkText.js';

export type NetworkNode =
  | { kind: 'network'; network: NetworkSummary }
  /** `container` is its id: commands on containers go by it. */
  | { kind: 'networkMember'; network: string; container: string; member: NetworkMember }
  | { kind: 'failure'; id: string; message: string };

/** Named networks with the containers in them. Read when it is seen, and when networks or containers change. */
export class NetworksView implements TreeDataProvider<NetworkNode>, Disposable {
  readonly view: TreeView<NetworkNode>;
  private asked = false;
  private readonly changed = new EventEmitter<NetworkNode | undefined>();
  private readonly subscriptions: Disposable[];

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly helper: HelperClient,
    store: ContainerStore,
    private readonly log: LogOutputChannel,
  ) {
    this.view = window.createTreeView('terrarium.networks', { treeDataProvider: this, showCollapseAll: true });
    const refresh = () => {
      if (this.asked && this.view.visible) this.refresh();
    };
    this.subscriptions = [
      this.view,
      this.view.onDidChangeVisibility(refresh),
      store.onDidChange(refresh),
      helper.onNotification(NetworksChanged, refresh),
      helper.onDidChangeState(({ kind }) => {
        if (kind !== 'starting') refresh();
      }),
    ];
  }

  /** Reads everything anew. */
  refresh(): void {
    this.changed.fire(undefined);
  }

  getTreeItem(node: NetworkNode): TreeItem {
    const { None, Collapsed } = TreeItemCollapsibleState;
    switch (node.kind) {
      case 'network':
        return treeItem(
          node.network.name,
          presentNetwork(node.network),
          node.network.containers.length === 0 ? None : Collapsed,
        );
      case 'networkMember':
        return treeItem(`${node.network}/${node.container}`, presentMember(node.member), None);
      case 'failure':
        return treeItem(node.id, presentFailure(node.message), None);
    }
  }

  async getChildren(node?: NetworkNode): Promise<NetworkNode[]> {
    this.asked = true;
    try {
      if (node === undefined) {
        const networks = await this.helper.request(ListNetworks);
        return networks.map((network) => ({ kind: 'network', network }));
      }
      if (node.kind !== 'network') return [];
      const { name } = node.network;
      const { members } = await this.helper.request(InspectNetwork, { network: name });
      return members.map((member) => ({ kind: 'networkMember', network: name, container: member.container, member }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.log.error(`Networks could not be listed: ${message}`);
      const id = node?.kind === 'network' ? `${node.network.name}/failure` : 'failure';
      return this.helper.state.kind === 'ready' ? [{ kind: 'failure', id, message }] : [];
    }
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }
}

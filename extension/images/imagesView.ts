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
import { type ImageSummary, ImagesChanged, ListImages } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { presentFailure } from '../views/failure.js';
import { treeItem } from '../views/treeItem.js';
import { presentImage, presentNote } from './imageText.js';

export interface ImageNode {
  kind: 'image';
  image: ImageSummary;
}
export type ImageTreeNode =
  | ImageNode
  | { kind: 'note'; image: string; index: number; note: string }
  | { kind: 'failure'; message: string };

/** The view of imported images, with what import had to say about each. */
export class ImagesView implements TreeDataProvider<ImageTreeNode>, Disposable {
  readonly view: TreeView<ImageTreeNode>;
  private listed = false;
  private readonly changed = new EventEmitter<ImageTreeNode | undefined>();
  private readonly subscriptions: Disposable[];

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly helper: HelperClient,
    private readonly log: LogOutputChannel,
  ) {
    this.view = window.createTreeView('terrarium.images', { treeDataProvider: this, canSelectMany: true });
    this.subscriptions = [
      this.view,
      helper.onNotification(ImagesChanged, () => this.refresh()),
      helper.onDidChangeState((state) => {
        // The first list is what started the helper: it is on its way.
        if (state.kind === 'failed' || (state.kind === 'ready' && this.listed)) {
          this.refresh();
        }
      }),
    ];
  }

  refresh(): void {
    this.changed.fire(undefined);
  }

  getTreeItem(node: ImageTreeNode): TreeItem {
    if (node.kind === 'failure') {
      return treeItem('failure', presentFailure(node.message), TreeItemCollapsibleState.None);
    }
    if (node.kind === 'note') {
      return treeItem(`${node.image}/${node.index}`, presentNote(node.note), TreeItemCollapsibleState.None);
    }
    const { Collapsed, None } = TreeItemCollapsibleState;
    return treeItem(node.image.name, presentImage(node.image), node.image.notes.length > 0 ? Collapsed : None);
  }

  async getChildren(node?: ImageTreeNode): Promise<ImageTreeNode[]> {
    if (node?.kind === 'image') {
      return node.image.notes.map((note, index) => ({ kind: 'note', image: node.image.name, index, note }));
    }
    if (node) {
      return [];
    }
    try {
      const images = await this.helper.request(ListImages);
      this.listed = true;
      return images
        .toSorted((a, b) => a.name.localeCompare(b.name))
        .map((image): ImageTreeNode => ({ kind: 'image', image }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.log.error(`Images could not be listed: ${message}`);
      return this.helper.state.kind === 'ready' ? [{ kind: 'failure', message }] : [];
    }
  }

  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.changed.dispose();
  }
}

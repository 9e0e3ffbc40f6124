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
  type ImageSummary,
  ImagesChanged,
  InspectImage,
  type LayerDetails,
  type LayerEntry,
  ListImages,
  ListLayerEntries,
} from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { presentFailure } from '../views/failure.js';
import { treeItem } from '../views/treeItem.js';
import { isOfVolumes, VolumeBranch, type VolumeTreeNode } from '../volumes/volumeBranch.js';
import { presentImage, presentNote } from './imageText.js';
import { presentLayer, presentLayerEntry } from './layerText.js';

export interface ImageNode {
  kind: 'image';
  image: ImageSummary;
}
export interface LayerNode {
  kind: 'layer';
  image: string;
  layer: LayerDetails;
  /** From one, at the bottom. */
  number: number;
}
export type ImageTreeNode =
  | ImageNode
  | LayerNode
  | { kind: 'entry'; image: string; diffId: string; entry: LayerEntry }
  | { kind: 'note'; image: string; index: number; note: string }
  | VolumeTreeNode
  | { kind: 'failure'; message: string };

/**
 * The view of what containers are made from: images, layer by layer, with what import had to say about them, and the
 * volumes that they keep things in.
 */
export class ImagesView implements TreeDataProvider<ImageTreeNode>, Disposable {
  readonly view: TreeView<ImageTreeNode>;
  private readonly volumes: VolumeBranch;
  private listed = false;
  private readonly changed = new EventEmitter<ImageTreeNode | undefined>();
  private readonly subscriptions: Disposable[];

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly helper: HelperClient,
    private readonly log: LogOutputChannel,
  ) {
    this.view = window.createTreeView('terrarium.images', { treeDataProvider: this, canSelectMany: true });
    this.volumes = new VolumeBranch(helper, (node) => this.changed.fire(node));
    this.subscriptions = [
      this.view,
      this.volumes,
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
    const { Collapsed, None } = TreeItemCollapsibleState;
    if (isOfVolumes(node)) return this.volumes.getTreeItem(node);
    switch (node.kind) {
      case 'failure':
        return treeItem(`failure/${node.message}`, presentFailure(node.message), None);
      case 'note':
        return treeItem(`${node.image}/${node.index}`, presentNote(node.note), None);
      case 'image':
        return treeItem(node.image.name, presentImage(node.image), Collapsed);
      case 'layer':
        return treeItem(`${node.image}@${node.number}`, presentLayer(node.layer, node.number), Collapsed);
      case 'entry': {
        const isFolder = node.entry.kind === 'directory' || node.entry.kind === 'opaque';
        const id = `${node.image}@${node.diffId}:${node.entry.kind}:${node.entry.path}`;
        return treeItem(id, presentLayerEntry(node.entry), isFolder ? Collapsed : None);
      }
    }
  }

  async getChildren(node?: ImageTreeNode): Promise<ImageTreeNode[]> {
    if (node && isOfVolumes(node)) return this.volumes.getChildren(node);
    switch (node?.kind) {
      case undefined:
        return [...(await this.listImages()), ...(await this.listVolumes())];
      case 'image':
        return this.childrenOf(node.image);
      case 'layer':
        return this.entries(node.image, node.layer.diffId, '/');
      case 'entry':
        return this.entries(node.image, node.diffId, node.entry.path);
      default:
        return [];
    }
  }

  private async childrenOf({ name, notes }: ImageSummary): Promise<ImageTreeNode[]> {
    const shown = notes.map((note, index): ImageTreeNode => ({ kind: 'note', image: name, index, note }));
    try {
      const { layers } = await this.helper.request(InspectImage, { name });
      return [
        ...layers.map((layer, index): ImageTreeNode => ({ kind: 'layer', image: name, layer, number: index + 1 })),
        ...shown,
      ];
    } catch (error) {
      // A damaged image still has its notes, which say so.
      return [...shown, this.failed(`Layers of ${name}`, error)];
    }
  }

  private async entries(image: string, diffId: string, path: string): Promise<ImageTreeNode[]> {
    try {
      const entries = await this.helper.request(ListLayerEntries, { name: image, diffId, path });
      return entries.map((entry): ImageTreeNode => ({ kind: 'entry', image, diffId, entry }));
    } catch (error) {
      return [this.failed(`Entries of ${path}`, error)];
    }
  }

  private failed(what: string, error: unknown): ImageTreeNode {
    const message = error instanceof Error ? error.message : String(error);
    this.log.error(`${what}: ${message}`);
    return { kind: 'failure', message };
  }

  private async listVolumes(): Promise<ImageTreeNode[]> {
    try {
      return await this.volumes.roots();
    } catch (error) {
      const failure = this.failed('Volumes could not be listed', error);
      return this.helper.state.kind === 'ready' ? [failure] : [];
    }
  }

  private async listImages(): Promise<ImageTreeNode[]> {
    try {
      const images = await this.helper.request(ListImages);
      this.listed = true;
      return images
        .toSorted((a, b) => a.name.localeCompare(b.name))
        .map((image): ImageTreeNode => ({ kind: 'image', image }));
    } catch (error) {
      const failure = this.failed('Images could not be listed', error);
      return this.helper.state.kind === 'ready' ? [failure] : [];
    }
  }

  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.changed.dispose();
  }
}

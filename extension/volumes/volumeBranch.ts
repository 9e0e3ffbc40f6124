import { type Disposable, type TreeItem, TreeItemCollapsibleState } from 'vscode';
import { ListVolumes, MeasureVolume, type VolumeSummary, VolumesChanged } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { treeItem } from '../views/treeItem.js';
import { presentVolume, presentVolumes, type VolumeFact, volumeFacts } from './volumeText.js';

export interface VolumesNode {
  kind: 'volumes';
}
export interface VolumeNode {
  kind: 'volume';
  volume: VolumeSummary;
}
export type VolumeTreeNode = VolumesNode | VolumeNode | { kind: 'volumeFact'; volume: string; fact: VolumeFact };

/** Whether a node of the view belongs to the branch. */
export function isOfVolumes<N extends { kind: string }>(node: N | VolumeTreeNode): node is VolumeTreeNode {
  return node.kind === 'volumes' || node.kind === 'volume' || node.kind === 'volumeFact';
}

/** The branch of volumes in a tree: there once there is one. Each is measured when it is opened, for that reads all of it. */
export class VolumeBranch implements Disposable {
  /** The same object always: the editor knows nodes by identity. */
  private readonly heading: VolumesNode = { kind: 'volumes' };
  private known: VolumeSummary[] = [];
  private readonly subscription: Disposable;

  /** @param changed draws a node of the tree anew, or all of it. */
  constructor(
    private readonly helper: HelperClient,
    changed: (node: VolumesNode | undefined) => void,
  ) {
    this.subscription = helper.onNotification(VolumesChanged, ({ volumes }) => {
      const isShown = this.known.length > 0;
      this.known = volumes;
      changed(isShown && volumes.length > 0 ? this.heading : undefined);
    });
  }

  dispose(): void {
    this.subscription.dispose();
  }

  /** Rejects as the request does. */
  async roots(): Promise<VolumesNode[]> {
    this.known = await this.helper.request(ListVolumes);
    return this.known.length === 0 ? [] : [this.heading];
  }

  getTreeItem(node: VolumeTreeNode): TreeItem {
    const { Collapsed, Expanded, None } = TreeItemCollapsibleState;
    switch (node.kind) {
      case 'volumes':
        return treeItem('volumes', presentVolumes(this.known.length), Expanded);
      case 'volume':
        return treeItem(`volume/${node.volume.name}`, presentVolume(node.volume), Collapsed);
      case 'volumeFact':
        return treeItem(`volume/${node.volume}/${node.fact.key}`, node.fact.presentation, None);
    }
  }

  async getChildren(node: VolumeTreeNode): Promise<VolumeTreeNode[]> {
    switch (node.kind) {
      case 'volumes':
        return this.known.map((volume) => ({ kind: 'volume', volume }));
      case 'volume':
        return volumeFacts(node.volume, await this.measure(node.volume.name)).map((fact) => ({
          kind: 'volumeFact',
          volume: node.volume.name,
          fact,
        }));
      default:
        return [];
    }
  }

  /** What else is known of a volume is shown even if it cannot be measured. */
  private async measure(name: string): Promise<number | string> {
    try {
      return (await this.helper.request(MeasureVolume, { name })).sizeBytes;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

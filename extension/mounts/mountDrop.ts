import { type CancellationToken, type DataTransfer, l10n, type TreeDragAndDropController, Uri } from 'vscode';
import { isLive } from '../commands/targets.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { ContainerTreeNode } from '../containers/nodes.js';
import type { Notifier } from '../errors/notifier.js';
import type { HelperClient } from '../helperClient.js';
import { mountIn, realSource } from './askMount.js';

const uriList = 'text/uri-list';

/** Folders and files of this machine that are dropped on a running container are mounted in it, where and how is asked. */
export class MountDrop implements TreeDragAndDropController<ContainerTreeNode> {
  readonly dropMimeTypes = [uriList];
  readonly dragMimeTypes = [];

  constructor(
    private readonly helper: HelperClient,
    private readonly store: ContainerStore,
    private readonly notifier: Notifier,
    private readonly mounted: (container: string) => void,
  ) {}

  async handleDrop(
    node: ContainerTreeNode | undefined,
    transfer: DataTransfer,
    token: CancellationToken,
  ): Promise<void> {
    try {
      const list = (await transfer.get(uriList)?.asString()) ?? '';
      if (node && !token.isCancellationRequested) await this.mount(node.container, list);
    } catch (error) {
      this.notifier.show(error, l10n.t('Add mount'));
    }
  }

  private async mount(container: string, list: string): Promise<void> {
    const summary = this.store.find(container);
    if (!summary) return;
    if (!isLive(summary)) throw new Error(l10n.t('Not possible while {0} is {1}.', summary.name, summary.state));
    const places = droppedPlaces(list);
    if (places.length === 0) throw new Error(l10n.t('Only files and folders of this machine can be mounted.'));
    for (const place of places) {
      if (!(await mountIn(this.helper, summary, { kind: 'host', path: await realSource(place) }))) return;
      this.mounted(container);
    }
  }
}

/** Files and folders of this machine in a text/uri-list: one URI a line, lines with # are remarks. RFC 2483, section 5 */
function droppedPlaces(list: string): Uri[] {
  return list
    .split(/\r?\n/)
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => Uri.parse(line, true))
    .filter(({ scheme }) => scheme === 'file');
}

import { type CancellationToken, type DataTransfer, l10n, type TreeDragAndDropController, Uri, window } from 'vscode';
import { AddMount } from '../../helper/protocol/index.js';
import { isLive } from '../commands/targets.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { ContainerTreeNode } from '../containers/nodes.js';
import type { Notifier } from '../errors/notifier.js';
import type { HelperClient } from '../helperClient.js';
import { messageText, plainText } from '../text/untrusted.js';
import { readMisgivings, realSource } from './mountCommands.js';
import { mountOf, usualDestination } from './mountText.js';

// The editor gives every tree a type for its own items; with it, it offers the tree as a place to drop them.
const ownItems = 'application/vnd.code.tree.terrarium.containers';
const uriList = 'text/uri-list';

/** Folders and files of this machine that are dropped on a running container are mounted in it, after a question. */
export class MountDrop implements TreeDragAndDropController<ContainerTreeNode> {
  readonly dropMimeTypes = [ownItems, uriList];
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
    const places = ((await transfer.get(uriList)?.asString()) ?? '')
      .split(/\r?\n/)
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => Uri.parse(line, true))
      .filter(({ scheme }) => scheme === 'file');
    if (!node || token.isCancellationRequested) return;
    try {
      for (const place of places) await this.mount(node.container, place);
    } catch (error) {
      this.notifier.show(error, l10n.t('Add mount'));
    }
  }

  private async mount(container: string, place: Uri): Promise<void> {
    const summary = this.store.find(container);
    if (!summary) return;
    if (!isLive(summary)) {
      throw new Error(l10n.t('Not possible while {0} is {1}.', summary.name, summary.state));
    }
    const source = { kind: 'host', path: await realSource(place) } as const;
    const destination = usualDestination(source);
    const readOnly = { title: l10n.t('Read-Only') };
    const writable = { title: l10n.t('Read and Write') };
    const reasons = await readMisgivings(source.path, true);
    const answer = await window.showInformationMessage(
      l10n.t('Mount {0} in {1}?', messageText(source.path), messageText(summary.name)),
      {
        modal: true,
        detail: [
          l10n.t('It appears as {0} until the container ends.', destination),
          ...reasons.map((reason) => `• ${plainText(reason, 400)}`),
        ].join('\n'),
      },
      readOnly,
      writable,
    );
    if (!answer) return;
    await this.helper.request(AddMount, {
      container,
      mount: mountOf(source, destination, answer === readOnly ? ['ro'] : []),
    });
    this.mounted(container);
  }
}

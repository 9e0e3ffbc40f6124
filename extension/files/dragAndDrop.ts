import * as path from 'node:path/posix';
import {
  type CancellationToken,
  type DataTransfer,
  DataTransferItem,
  FileSystemError,
  l10n,
  type TreeDragAndDropController,
  Uri,
  window,
  workspace,
} from 'vscode';
import type { FileReference, FileRoot } from '../../helper/protocol/index.js';
import type { Notifier } from '../errors/notifier.js';
import { messageText } from '../text/untrusted.js';
import { fileScheme, inFolder, sameRoot } from './addresses.js';
import type { FileActions } from './fileActions.js';
import { largestContent } from './fileSystem.js';
import type { FileTreeNode } from './filesTree.js';
import { isFolder } from './listing.js';
import type { Roots } from './roots.js';

// The editor gives every tree a type for its own items; with it, it offers the tree as a place to drop them.
const ownItems = 'application/vnd.code.tree.terrarium.files';
const uriList = 'text/uri-list';

/**
 * Dragging in the tree: items into a folder, files of this machine onto the tree, items into editors. After a question
 * whether they are to be moved or copied, since the editor does not tell a tree which keys were held.
 */
export class FileDragAndDrop implements TreeDragAndDropController<FileTreeNode> {
  readonly dropMimeTypes = [ownItems, uriList, 'files'];
  readonly dragMimeTypes = [uriList];

  constructor(
    private readonly actions: FileActions,
    private readonly roots: Roots,
    private readonly shownRoot: () => FileRoot | undefined,
    private readonly notifier: Notifier,
  ) {}

  handleDrag(source: readonly FileTreeNode[], transfer: DataTransfer): void {
    const uris = source.filter(({ kind }) => kind === 'entry').map((node) => this.roots.uri(node).toString());
    transfer.set(uriList, new DataTransferItem(uris.join('\r\n')));
  }

  async handleDrop(target: FileTreeNode | undefined, transfer: DataTransfer, token: CancellationToken): Promise<void> {
    try {
      const destination = this.destination(target);
      if (destination) {
        await this.drop(destination, transfer, token);
      }
    } catch (error) {
      this.notifier.show(error, l10n.t('Drop'));
    }
  }

  /** The folder that was dropped on, or that holds what was dropped on. */
  private destination(target: FileTreeNode | undefined): FileReference | undefined {
    if (!target) {
      const root = this.shownRoot();
      return root && { root, path: '/' };
    }
    const folder = target.kind !== 'entry' || isFolder(target.entry) ? target.path : path.dirname(target.path);
    return { root: target.root, path: folder };
  }

  private async drop(destination: FileReference, transfer: DataTransfer, token: CancellationToken): Promise<void> {
    const uris = ((await transfer.get(uriList)?.asString()) ?? '')
      .split(/\r?\n/)
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => Uri.parse(line, true));
    if (token.isCancellationRequested) {
      return;
    }
    const inRoots = uris.filter(({ scheme }) => scheme === fileScheme);
    const onDisk = uris.filter(({ scheme }) => scheme === 'file');
    if (onDisk.length > 0) {
      await this.actions.upload(destination, onDisk);
    }
    if (inRoots.length > 0) {
      await this.dropFiles(destination, inRoots);
    }
    if (uris.length === 0) {
      await this.dropContents(destination, transfer);
    }
  }

  private async dropFiles(destination: FileReference, uris: readonly Uri[]): Promise<void> {
    const references = await Promise.all(uris.map((uri) => this.roots.reference(uri)));
    const own = references.filter(({ root }) => sameRoot(root, destination.root)).map(({ path: file }) => file);
    const moved = own.filter((file) => path.dirname(file) !== destination.path && file !== destination.path);
    if (moved.length > 0) {
      const how = await moveOrCopy(moved, destination.path);
      if (how) {
        await this.actions.putInto(destination.root, moved, destination.path, how);
      }
    }
    for (const reference of references.filter(({ root }) => !sameRoot(root, destination.root))) {
      const to = { ...destination, path: inFolder(destination.path, path.basename(reference.path)) };
      await workspace.fs.copy(this.roots.uri(reference), this.roots.uri(to));
    }
  }

  /** Files from outside of the editor, which it gives by content. */
  private async dropContents(destination: FileReference, transfer: DataTransfer): Promise<void> {
    for (const [, item] of transfer) {
      const file = item.asFile();
      const content = await file?.data();
      if (!file || !content) {
        continue;
      }
      if (content.byteLength > largestContent) {
        throw FileSystemError.Unavailable(l10n.t('{0} is too large to drop: use Upload.', messageText(file.name)));
      }
      await this.actions.uploadContent(
        { ...destination, path: inFolder(destination.path, path.basename(file.name)) },
        content,
      );
    }
  }
}

async function moveOrCopy(files: readonly string[], folder: string): Promise<'move' | 'copy' | undefined> {
  const move = { title: l10n.t('Move') };
  const copy = { title: l10n.t('Copy') };
  const question =
    files.length === 1
      ? l10n.t('Move or copy {0} to {1}?', path.basename(files[0] ?? ''), folder)
      : l10n.t('Move or copy {0} items to {1}?', files.length, folder);
  const answer = await window.showInformationMessage(messageText(question), { modal: true }, move, copy);
  return answer === move ? 'move' : answer === copy ? 'copy' : undefined;
}

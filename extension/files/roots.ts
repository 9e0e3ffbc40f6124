import { FileSystemError, l10n, Uri } from 'vscode';
import type { FileReference, FileRoot } from '../../helper/protocol/index.js';
import type { ContainerStore } from '../containers/containerStore.js';
import { addressOf, fileScheme, referenceOf } from './addresses.js';

/**
 * Turns files in roots into URIs and back. Requests go by a container's id, which stays; URIs show its name, which
 * people know.
 */
export class Roots {
  constructor(private readonly store: ContainerStore) {}

  uri({ root, path }: FileReference): Uri {
    return Uri.from({ scheme: fileScheme, ...addressOf({ root: this.named(root), path }) });
  }

  /** @throws FileSystemError FileNotFound when it is not of this scheme, or its container is gone. */
  async reference(uri: Uri): Promise<FileReference> {
    const reference = uri.scheme === fileScheme ? referenceOf(uri) : undefined;
    if (!reference) {
      throw FileSystemError.FileNotFound(uri);
    }
    const { root, path } = reference;
    if (root.kind === 'image') {
      return reference;
    }
    const containers = await this.store.list();
    const summary =
      containers.find(({ name }) => name === root.container) ?? containers.find(({ id }) => id === root.container);
    if (!summary) {
      throw FileSystemError.FileNotFound(l10n.t('There is no container {0} any more.', root.container));
    }
    return { root: { kind: root.kind, container: summary.id }, path };
  }

  /** The name that people know a root by. */
  title(root: FileRoot): string {
    return root.kind === 'image' ? root.name : (this.store.find(root.container)?.name ?? root.container);
  }

  private named(root: FileRoot): FileRoot {
    return root.kind === 'image' ? root : { kind: root.kind, container: this.title(root) };
  }
}

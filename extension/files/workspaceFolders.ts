import { type Disposable, type LogOutputChannel, workspace } from 'vscode';
import type { ContainerSummary, FileReference } from '../../helper/protocol/index.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { HelperClient } from '../helperClient.js';
import { plainText } from '../text/untrusted.js';
import { fileScheme, referenceOf } from './addresses.js';
import type { Roots } from './roots.js';

/** Makes a folder of a root a folder of the workspace, unless it is one. */
export function addWorkspaceFolder(roots: Roots, reference: FileReference): void {
  const uri = roots.uri(reference);
  const folders = workspace.workspaceFolders ?? [];
  if (!folders.some((folder) => folder.uri.toString() === uri.toString())) {
    const name = plainText(`${roots.title(reference.root)}:${reference.path}`, 80);
    workspace.updateWorkspaceFolders(folders.length, 0, { uri, name });
  }
}

/** Takes folders of containers that are gone out of the workspace: now, and whenever one is removed. */
export function dropGoneFolders(store: ContainerStore, helper: HelperClient, log: LogOutputChannel): Disposable {
  const drop = async (): Promise<void> => {
    const folders = (workspace.workspaceFolders ?? []).map(({ uri }) => uri);
    if (helper.state.kind !== 'ready' || !folders.some(({ scheme }) => scheme === fileScheme)) {
      return;
    }
    const last = indexesOfGone(folders, await store.list()).at(-1);
    if (last !== undefined) {
      // One at a time: the next is dropped when the editor tells of this change.
      workspace.updateWorkspaceFolders(last, 1);
    }
  };
  const start = (): void => {
    drop().catch((error: unknown) => log.warn(`Folders of the workspace: ${String(error)}`));
  };
  const subscriptions = [store.onDidChange(start), workspace.onDidChangeWorkspaceFolders(start)];
  return {
    dispose: () => {
      for (const subscription of subscriptions) {
        subscription.dispose();
      }
    },
  };
}

function indexesOfGone(
  uris: readonly { scheme: string; authority: string; path: string }[],
  containers: readonly ContainerSummary[],
): number[] {
  return uris.flatMap((uri, index) => {
    const root = uri.scheme === fileScheme ? referenceOf(uri)?.root : undefined;
    const there =
      !root || root.kind === 'image' || containers.some(({ id, name }) => [id, name].includes(root.container));
    return there ? [] : [index];
  });
}

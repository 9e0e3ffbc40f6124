import { realpath } from 'node:fs/promises';
import { l10n, workspace } from 'vscode';
import { isInside } from '../text/paths.js';

/**
 * In a workspace that is not trusted, nothing of it may become a container's root: programs from it would run.
 * Judged by real paths, since a link may lead back into the workspace. Throws the refusal.
 */
export async function refuseWorkspaceRoot(path: string): Promise<void> {
  if (workspace.isTrusted) {
    return;
  }
  const folders = (workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  const real = await realpath(path);
  for (const folder of folders) {
    if (isInside(real, await realpath(folder.uri.fsPath))) {
      throw new Error(
        l10n.t(
          'This folder belongs to a workspace that is not trusted. Trust the workspace, or choose another folder.',
        ),
      );
    }
  }
}

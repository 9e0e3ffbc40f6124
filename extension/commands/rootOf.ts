import { l10n, Uri, window, workspace } from 'vscode';
import { ListHostFolders, type RootSource } from '../../helper/protocol/index.js';
import { hostFolderChoices, hostRootOf } from '../building/choices.js';
import { manyStep, soleStep } from '../flows/multiStep.js';
import type { RootChoice } from '../flows/rootChoices.js';
import type { CommandContext } from './context.js';
import { buildImage } from './images/build.js';
import { chooseArchive, importFrom } from './images/importImage.js';
import { pullImage } from './images/registry.js';
import { refuseWorkspaceRoot } from './trust.js';

/** Follows the answer to the question for a root to the root itself. Undefined when the person left on the way. */
export async function rootOf(context: CommandContext, choice: RootChoice): Promise<RootSource | undefined> {
  switch (choice.kind) {
    case 'root':
      return choice.root;
    case 'chooseHostFolders':
      return chooseHostFolders(context);
    case 'chooseDirectory':
      return chooseDirectory();
    case 'pullImage':
      return imageRoot(await pullImage(context));
    case 'importImage': {
      const archive = await chooseArchive();
      return imageRoot(archive && (await importFrom(context, archive)));
    }
    case 'buildImage':
      return imageRoot((await buildImage(context))?.image);
    case 'specification':
      return undefined;
  }
}

function imageRoot(image: { name: string } | undefined): RootSource | undefined {
  return image && { kind: 'image', name: image.name };
}

async function chooseHostFolders(context: CommandContext): Promise<RootSource | undefined> {
  const folders = await context.helper.request(ListHostFolders);
  const result = await manyStep(
    soleStep(l10n.t('What of This Machine Does the Container See?')),
    l10n.t('Ticked is seen, read-only below its own layer; the rest is hidden'),
    hostFolderChoices(folders),
    ({ view }) => view !== 'hidden',
  );
  return result.kind === 'answer' ? { kind: 'host', ...hostRootOf(folders, result.value) } : undefined;
}

async function chooseDirectory(): Promise<RootSource | undefined> {
  const [folder] =
    (await window.showOpenDialog({
      title: l10n.t('Folder with a Root File System'),
      openLabel: l10n.t('Use as Root'),
      canSelectFiles: false,
      canSelectFolders: true,
      defaultUri: workspace.workspaceFolders?.[0]?.uri ?? Uri.file('/'),
    })) ?? [];
  if (!folder) {
    return undefined;
  }
  await refuseWorkspaceRoot(folder.fsPath);
  return { kind: 'directory', path: folder.fsPath };
}

import { l10n, Uri, window, workspace } from 'vscode';
import { type ArchiveImage, type ImageSummary, ImportImage, InspectArchive } from '../../../helper/protocol/index.js';
import { archiveImageChoices } from '../../images/archiveChoices.js';
import { withImageProgress } from '../../images/imageProgress.js';
import { freeName, proposedImageName, proposedReferenceName } from '../../text/names.js';
import type { CommandContext } from '../context.js';
import { askImageName } from './chooseImage.js';

/** Asks for an archive with a root file system or images. Undefined when the person left. */
export async function chooseArchive(): Promise<Uri | undefined> {
  const [file] =
    (await window.showOpenDialog({
      title: l10n.t('Archive with a Root File System or Images'),
      openLabel: l10n.t('Import'),
      canSelectFiles: true,
      filters: {
        [l10n.t('Archives')]: ['tar', 'gz', 'tgz', 'xz', 'txz', 'zst', 'tzst', 'bz2', 'tbz', 'tbz2', 'oci'],
        [l10n.t('All Files')]: ['*'],
      },
      defaultUri: startFolder(),
    })) ?? [];
  return file;
}

/** Asks for the folder of an OCI image layout. Undefined when the person left. */
export async function chooseLayout(): Promise<Uri | undefined> {
  const [folder] =
    (await window.showOpenDialog({
      title: l10n.t('Folder of an OCI Image Layout'),
      openLabel: l10n.t('Import'),
      canSelectFiles: false,
      canSelectFolders: true,
      defaultUri: startFolder(),
    })) ?? [];
  return folder;
}

/** Looks at what is in an archive or layout, asks what is open, and imports it. Undefined when the person left. */
export async function importFrom(context: CommandContext, source: Uri): Promise<ImageSummary | undefined> {
  const file = source.fsPath;
  const { images } = await window.withProgress({ location: { viewId: 'terrarium.images' } }, () =>
    context.helper.request(InspectArchive, { file }),
  );
  const chosen = images.length > 1 ? await chooseArchiveImage(images) : images[0];
  if (images.length > 0 && !chosen) {
    return undefined;
  }
  const base =
    chosen?.reference === undefined ? proposedImageName(source.path) : proposedReferenceName(chosen.reference);
  const title = l10n.t('Import {0}', source.path.slice(source.path.lastIndexOf('/') + 1));
  const name = await askImageName(context, title, (taken) => freeName(base, taken));
  if (name === undefined) {
    return undefined;
  }
  return withImageProgress(context.helper, l10n.t('Importing {0}', name), (progress, cancellation) =>
    context.helper.request(
      ImportImage,
      { file, name, progress, ...(chosen && { image: chosen.digest }) },
      cancellation,
    ),
  );
}

async function chooseArchiveImage(images: readonly ArchiveImage[]): Promise<ArchiveImage | undefined> {
  const picked = await window.showQuickPick(archiveImageChoices(images), {
    title: l10n.t('The Archive Holds Several Images'),
    placeHolder: l10n.t('Which one?'),
    matchOnDescription: true,
  });
  return picked?.image;
}

function startFolder(): Uri {
  return workspace.workspaceFolders?.[0]?.uri ?? Uri.file('/');
}

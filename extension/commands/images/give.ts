import { randomUUID } from 'node:crypto';
import { env, FileSystemError, FileType, l10n, Uri, window, workspace } from 'vscode';
import { CommitContainer, ExportImage, type ExportSource, type ImageSummary } from '../../../helper/protocol/index.js';
import { formatBytes } from '../../../helper/protocol/notation.js';
import { containerArgument } from '../../containers/chooseContainer.js';
import { type ExportChoice, exportChoicesOf, exportName } from '../../images/exportChoices.js';
import { withImageProgress } from '../../images/imageProgress.js';
import { freeName, proposedImageName } from '../../text/names.js';
import { messageText } from '../../text/untrusted.js';
import { nodeOf } from '../arguments.js';
import type { CommandContext } from '../context.js';
import { target } from '../targets.js';
import { askImageName, chooseImage } from './chooseImage.js';

/** Makes an image of a container and what was changed in it. Undefined when the person left. */
export async function commitContainer(context: CommandContext, first: unknown): Promise<ImageSummary | undefined> {
  const container = await target(
    context.store,
    { first, selection: undefined },
    l10n.t('Commit which container to an image?'),
    ({ root }) => root.kind !== 'host',
  );
  if (!container) {
    return undefined;
  }
  const title = l10n.t('Commit {0} to an Image', container.name);
  const name = await askImageName(context, title, (taken) => freeName(proposedImageName(container.name), taken));
  if (name === undefined) {
    return undefined;
  }
  const comment = await window.showInputBox({ title, prompt: l10n.t('What was changed, for the image’s history') });
  if (comment === undefined) {
    return undefined;
  }
  return withImageProgress(context.helper, l10n.t('Committing {0}', container.name), (progress, cancellation) =>
    context.helper.request(
      CommitContainer,
      { container: container.id, name, progress, ...(comment === '' ? {} : { comment }) },
      cancellation,
    ),
  );
}

/** Asks for a format and a place and writes a container or an image there. Returns when it is done or the person left. */
export async function exportTo(context: CommandContext, first: unknown): Promise<void> {
  const chosen = await chooseSource(context, first);
  if (!chosen) {
    return;
  }
  const choice = await window.showQuickPick(exportChoicesOf(chosen.source), {
    title: l10n.t('Export {0}', chosen.name),
    matchOnDetail: true,
  });
  if (choice) {
    await exportAs(context, chosen, choice);
  }
}

/** What is exported, with what it is called. */
export interface Exportable {
  name: string;
  source: ExportSource;
}

/** Asks for a place and writes it there. Returns when it is done or the person left. */
export async function exportAs(context: CommandContext, chosen: Exportable, choice: ExportChoice): Promise<void> {
  const place = await choosePlace(chosen.name, choice);
  if (!place) {
    return;
  }
  const destination = place.fsPath;
  const result = await withImageProgress(
    context.helper,
    l10n.t('Exporting {0}', chosen.name),
    (progress, cancellation) =>
      replacing(place, choice, (path) =>
        context.helper.request(
          ExportImage,
          {
            source: chosen.source,
            format: choice.format,
            destination: path,
            progress,
            ...(choice.limits === undefined ? {} : { limits: choice.limits }),
          },
          cancellation,
        ),
      ),
  );
  const copy = { title: l10n.t('Copy Path') };
  const answer = await window.showInformationMessage(
    messageText([l10n.t('Exported {0}: {1}.', chosen.name, formatBytes(result.sizeBytes)), ...result.notes].join(' ')),
    copy,
  );
  if (answer === copy) {
    await env.clipboard.writeText(destination);
  }
}

async function chooseSource(context: CommandContext, first: unknown): Promise<Exportable | undefined> {
  if (nodeOf('image', first)) {
    const image = await chooseImage(context, l10n.t('Export which image?'), first);
    return image && { name: image.name, source: { kind: 'image', name: image.name } };
  }
  if (containerArgument(first) === undefined) {
    const kind = await window.showQuickPick([l10n.t('A Container'), l10n.t('An Image')], {
      title: l10n.t('Export What?'),
    });
    if (kind === undefined) {
      return undefined;
    }
    if (kind === l10n.t('An Image')) {
      const image = await chooseImage(context, l10n.t('Export which image?'), undefined);
      return image && { name: image.name, source: { kind: 'image', name: image.name } };
    }
  }
  const container = await target(context.store, { first, selection: undefined }, l10n.t('Export which container?'));
  return container && { name: container.name, source: { kind: 'container', container: container.id } };
}

/** A bundle becomes a folder: the dialog for files asks for a name that is not there yet, which is what it needs. */
async function choosePlace(name: string, choice: ExportChoice): Promise<Uri | undefined> {
  const folder = workspace.workspaceFolders?.[0]?.uri ?? Uri.file(process.env.HOME ?? '/');
  return window.showSaveDialog({
    title: l10n.t('Export as {0}', choice.label),
    saveLabel: l10n.t('Export'),
    defaultUri: Uri.joinPath(folder, exportName(name, choice)),
  });
}

/** A file that the dialog has agreed to overwrite is there until the new one is complete. */
async function replacing<T>(place: Uri, choice: ExportChoice, write: (path: string) => Promise<T>): Promise<T> {
  if (choice.format === 'bundle' || (await typeOf(place)) !== FileType.File) {
    return write(place.fsPath);
  }
  const fresh = place.with({ path: `${place.path}.${randomUUID()}` });
  const result = await write(fresh.fsPath);
  await workspace.fs.rename(fresh, place, { overwrite: true });
  return result;
}

async function typeOf(place: Uri): Promise<FileType | undefined> {
  try {
    return (await workspace.fs.stat(place)).type;
  } catch (error) {
    if (error instanceof FileSystemError && error.code === 'FileNotFound') {
      return undefined;
    }
    throw error;
  }
}

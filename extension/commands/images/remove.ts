import { l10n, window } from 'vscode';
import {
  ListImages,
  PruneImages,
  type RemovalReport,
  RemoveImage,
  RenameImage,
} from '../../../helper/protocol/index.js';
import { formatBytes } from '../../../helper/protocol/notation.js';
import type { Failure } from '../../errors/notifier.js';
import { removalText } from '../../images/removalText.js';
import { imageNameProblem } from '../../text/names.js';
import { messageText } from '../../text/untrusted.js';
import type { CommandContext } from '../context.js';
import { chooseImage, chooseImages } from './chooseImage.js';

/** Removes images after a question that says what is freed. */
export async function removeImages(context: CommandContext, first: unknown, selection: unknown): Promise<void> {
  const images = await chooseImages(context, l10n.t('Remove which image?'), first, selection);
  const [only] = images;
  if (!only) {
    return;
  }
  const previews = await Promise.all(
    images.map(({ name }) => context.helper.request(RemoveImage, { name, preview: true })),
  );
  const question =
    images.length === 1 ? l10n.t('Remove image {0}?', only.name) : l10n.t('Remove {0} images?', images.length);
  if (!(await agreed(question, removalText(previews), l10n.t('Remove')))) {
    return;
  }
  const failures: Failure[] = [];
  for (const { name } of images) {
    try {
      await context.helper.request(RemoveImage, { name });
    } catch (error) {
      failures.push({ doing: l10n.t('Remove image {0}', name), error });
    }
  }
  context.notifier.showAll(failures);
}

/** Removes what nothing needs, after a question that names it. */
export async function pruneImages(context: CommandContext): Promise<void> {
  const scope = await window.showQuickPick(
    [
      {
        label: l10n.t('Leftovers'),
        detail: l10n.t('What interrupted operations and removed images left behind'),
        all: false,
      },
      {
        label: l10n.t('Leftovers and Unused Images'),
        detail: l10n.t('Also every image that no container uses'),
        all: true,
      },
    ],
    { title: l10n.t('Prune Images') },
  );
  if (!scope) {
    return;
  }
  const { all } = scope;
  const preview = await context.helper.request(PruneImages, { all, preview: true });
  if (preview.images.length === 0 && preview.freedBytes === 0) {
    window.showInformationMessage(l10n.t('There is nothing to prune.'));
    return;
  }
  if (await agreed(l10n.t('Prune images?'), removalText([preview]), l10n.t('Prune'))) {
    const done: RemovalReport = await context.helper.request(PruneImages, { all });
    window.showInformationMessage(l10n.t('Freed {0}.', formatBytes(done.freedBytes)));
  }
}

/** Asks for another name and gives it to an image. */
export async function renameImage(context: CommandContext, first: unknown): Promise<void> {
  const image = await chooseImage(context, l10n.t('Rename which image?'), first);
  if (!image) {
    return;
  }
  const taken = (await context.helper.request(ListImages)).map(({ name }) => name);
  const newName = await window.showInputBox({
    title: l10n.t('Rename Image {0}', image.name),
    value: image.name,
    validateInput: (text) => (text.trim() === image.name ? undefined : imageNameProblem(text.trim(), taken)),
  });
  if (newName !== undefined && newName.trim() !== image.name) {
    await context.helper.request(RenameImage, { name: image.name, newName: newName.trim() });
  }
}

async function agreed(question: string, detail: string, title: string): Promise<boolean> {
  const button = { title };
  return (await window.showWarningMessage(messageText(question), { modal: true, detail }, button)) === button;
}

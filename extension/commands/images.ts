import { randomUUID } from 'node:crypto';
import { env, l10n, ProgressLocation, Uri, window, workspace } from 'vscode';
import {
  type ImageSummary,
  ImportImage,
  type ImageProgress,
  ImageProgressType,
  ListImages,
  RemoveImage,
} from '../../helper/protocol/index.js';
import type { Failure } from '../errors/notifier.js';
import { importIncrement, importText } from '../images/importText.js';
import { freeName, imageNameProblem, proposedImageName } from '../text/names.js';
import { iconSafeText, messageText } from '../text/untrusted.js';
import { calledOn, nodeOf } from './arguments.js';
import type { CommandContext } from './context.js';
import type { Handler } from './register.js';

/** Commands on images. */
export function imageCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  return {
    'terrarium.importImage': {
      doing: l10n.t('Import'),
      run: async () => {
        const image = await importImage(context);
        if (image) {
          window.setStatusBarMessage(l10n.t('Imported {0}', messageText(image.name)), 5000);
        }
      },
    },
    'terrarium.removeImage': {
      doing: l10n.t('Remove image'),
      run: (first, selection) => removeImages(context, first, selection),
    },
    'terrarium.copyDigest': {
      doing: l10n.t('Copy digest'),
      run: async (first) => {
        const [image] = imagesOf([first]);
        if (image) {
          await env.clipboard.writeText(image.digest);
        }
      },
    },
  };
}

/** Asks for an archive and a name and imports it, with progress and cancel. Undefined when the person left. */
export async function importImage(context: CommandContext): Promise<ImageSummary | undefined> {
  const [file] =
    (await window.showOpenDialog({
      title: l10n.t('Archive with a Root File System'),
      openLabel: l10n.t('Import'),
      canSelectFiles: true,
      filters: {
        [l10n.t('Archives')]: ['tar', 'gz', 'tgz', 'xz', 'txz', 'zst', 'tzst'],
        [l10n.t('All Files')]: ['*'],
      },
      defaultUri: workspace.workspaceFolders?.[0]?.uri ?? Uri.file('/'),
    })) ?? [];
  if (!file) {
    return undefined;
  }
  const taken = (await context.helper.request(ListImages)).map(({ name }) => name);
  const name = await window.showInputBox({
    title: l10n.t('Import {0}', file.path.slice(file.path.lastIndexOf('/') + 1)),
    prompt: l10n.t('Name of the image'),
    value: freeName(proposedImageName(file.path), taken),
    validateInput: (text) => imageNameProblem(text.trim(), taken),
  });
  if (name === undefined) {
    return undefined;
  }
  return runImport(context, file.fsPath, name.trim());
}

async function runImport(context: CommandContext, file: string, name: string): Promise<ImageSummary> {
  const token = randomUUID();
  return window.withProgress(
    { location: ProgressLocation.Notification, title: l10n.t('Importing {0}', messageText(name)), cancellable: true },
    async (progress, cancellation) => {
      let last: ImageProgress | undefined;
      const subscription = context.helper.onProgress(ImageProgressType, token, (now) => {
        progress.report({ message: importText(now), increment: importIncrement(last, now) });
        last = now;
      });
      try {
        return await context.helper.request(ImportImage, { file, name, progress: token }, cancellation);
      } finally {
        subscription.dispose();
      }
    },
  );
}

async function removeImages(context: CommandContext, first: unknown, selection: unknown): Promise<void> {
  const images = imagesOf(calledOn(first, selection));
  if (images.length === 0) {
    const known = await context.helper.request(ListImages);
    const picked = await window.showQuickPick(
      known.map((image) => ({ label: iconSafeText(image.name, 100), image })),
      { title: l10n.t('Remove which image?') },
    );
    images.push(...(picked ? [picked.image] : []));
  }
  const [only] = images;
  if (!only) {
    return;
  }
  const button = { title: l10n.t('Remove') };
  const answer = await window.showWarningMessage(
    messageText(
      images.length === 1 ? l10n.t('Remove image {0}?', only.name) : l10n.t('Remove {0} images?', images.length),
    ),
    { modal: true, detail: messageText(images.map(({ name }) => name).join(', ')) },
    button,
  );
  if (answer !== button) {
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

function imagesOf(nodes: readonly unknown[]): ImageSummary[] {
  return nodes.flatMap((node) => nodeOf('image', node)?.image ?? []);
}

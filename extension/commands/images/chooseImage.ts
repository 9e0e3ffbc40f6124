import { l10n, window } from 'vscode';
import { type ImageSummary, ListImages } from '../../../helper/protocol/index.js';
import { formatBytes } from '../../../helper/protocol/notation.js';
import { imageNameProblem } from '../../text/names.js';
import { iconSafeText } from '../../text/untrusted.js';
import { calledOn, nodeOf } from '../arguments.js';
import type { CommandContext } from '../context.js';

/** The images that a command was called on, or one that the person picks; none when nothing was picked. */
export async function chooseImages(
  context: CommandContext,
  question: string,
  first: unknown,
  selection?: unknown,
): Promise<ImageSummary[]> {
  const called = calledOn(first, selection).flatMap((node) => nodeOf('image', node)?.image ?? []);
  if (called.length > 0) {
    return called;
  }
  const known = await context.helper.request(ListImages);
  if (known.length === 0) {
    throw new Error(l10n.t('There are no images.'));
  }
  const picked = await window.showQuickPick(
    known.map((image) => ({
      label: iconSafeText(image.name, 100),
      description: formatBytes(image.sizeBytes),
      image,
    })),
    { title: question, matchOnDescription: true },
  );
  return picked ? [picked.image] : [];
}

/** As `chooseImages`, for commands that make sense for one image only. */
export async function chooseImage(
  context: CommandContext,
  question: string,
  first: unknown,
): Promise<ImageSummary | undefined> {
  return (await chooseImages(context, question, first))[0];
}

/** Asks for the name of a new image, checked while it is typed. Undefined when the person left. */
export async function askImageName(
  context: CommandContext,
  title: string,
  proposal: (taken: readonly string[]) => string,
): Promise<string | undefined> {
  const taken = (await context.helper.request(ListImages)).map(({ name }) => name);
  const name = await window.showInputBox({
    title,
    prompt: l10n.t('Name of the image'),
    value: proposal(taken),
    validateInput: (text) => imageNameProblem(text.trim(), taken),
  });
  return name?.trim();
}

import { l10n, type QuickPickItem, window } from 'vscode';
import {
  type ImageSummary,
  ListImages,
  ListPlatforms,
  type Platform,
  PullImage,
  PushImage,
} from '../../../helper/protocol/index.js';
import { platformText } from '../../images/archiveChoices.js';
import { withImageProgress } from '../../images/imageProgress.js';
import { isOwnPlatform, orderPlatforms, referenceProblem, rememberReference } from '../../registry/reference.js';
import { freeName, proposedReferenceName } from '../../text/names.js';
import { iconSafeText } from '../../text/untrusted.js';
import type { CommandContext } from '../context.js';
import { chooseImage } from './chooseImage.js';

const recentKey = 'terrarium.recentReferences';

/** Asks for a reference, and a platform where there are several, and pulls it. Undefined when the person left. */
export async function pullImage(context: CommandContext): Promise<ImageSummary | undefined> {
  const { globalState } = context.extension;
  const recent = globalState.get<string[]>(recentKey, []);
  const reference = await askReference(recent);
  if (reference === undefined) {
    return undefined;
  }
  const taken = (await context.helper.request(ListImages)).map(({ name }) => name);
  const name = freeName(proposedReferenceName(reference), taken);
  const image = await context.registries.use(reference, async (params) => {
    const platform = await choosePlatform(
      await window.withProgress({ location: { viewId: 'terrarium.images' } }, () =>
        context.helper.request(ListPlatforms, params),
      ),
    );
    return platform === 'cancelled'
      ? undefined
      : withImageProgress(context.helper, l10n.t('Pulling {0}', reference), (progress, cancellation) =>
          context.helper.request(
            PullImage,
            { ...params, name, progress, ...(platform === undefined ? {} : { platform }) },
            cancellation,
          ),
        );
  });
  if (image) {
    await globalState.update(recentKey, rememberReference(recent, reference));
  }
  return image;
}

/** Asks where to, and pushes an image. Undefined when the person left, else the reference. */
export async function pushImage(context: CommandContext, first: unknown): Promise<string | undefined> {
  const image = await chooseImage(context, l10n.t('Push which image?'), first);
  if (!image) {
    return undefined;
  }
  const reference = await window.showInputBox({
    title: l10n.t('Push {0}', image.name),
    prompt: l10n.t('Where to: HOST[:PORT]/PATH[:TAG]'),
    value: image.name,
    validateInput: (text) => referenceProblem(text.trim()),
  });
  if (reference === undefined) {
    return undefined;
  }
  const pushed = await context.registries.use(reference.trim(), (params) =>
    withImageProgress(context.helper, l10n.t('Pushing {0}', params.reference), (progress, cancellation) =>
      context.helper.request(PushImage, { ...params, name: image.name, progress }, cancellation),
    ),
  );
  return pushed && reference.trim();
}

/** What is typed comes first, then what was pulled lately. Undefined when the person left. */
function askReference(recent: readonly string[]): Promise<string | undefined> {
  const input = window.createQuickPick<QuickPickItem & { reference: string }>();
  input.title = l10n.t('Pull an Image from a Registry');
  input.placeholder = l10n.t('Such as debian:bookworm-slim, or ghcr.io/owner/image:tag');
  input.ignoreFocusOut = true;
  const offer = () => {
    const typed = input.value.trim();
    const lately = recent
      .filter((reference) => reference !== typed)
      .map((reference) => ({ label: `$(history) ${iconSafeText(reference, 200)}`, reference }));
    const problem = typed === '' ? undefined : referenceProblem(typed);
    input.items =
      typed === ''
        ? lately
        : [
            {
              label: `${problem === undefined ? '$(cloud-download)' : '$(warning)'} ${iconSafeText(typed, 200)}`,
              ...(problem === undefined ? {} : { description: problem }),
              alwaysShow: true,
              reference: typed,
            },
            ...lately,
          ];
  };
  offer();
  return new Promise((resolve) => {
    let answer: string | undefined;
    input.onDidChangeValue(offer);
    input.onDidAccept(() => {
      const reference = input.activeItems[0]?.reference;
      if (reference !== undefined && referenceProblem(reference) === undefined) {
        answer = reference;
        input.hide();
      }
    });
    input.onDidHide(() => {
      input.dispose();
      resolve(answer);
    });
    input.show();
  });
}

/** Undefined: there is nothing to choose, the helper takes this machine's. */
async function choosePlatform(platforms: readonly Platform[]): Promise<Platform | undefined | 'cancelled'> {
  if (platforms.length < 2) {
    return undefined;
  }
  const picked = await window.showQuickPick(
    orderPlatforms(platforms, process.arch).map((platform) => ({
      label: iconSafeText(platformText(platform), 60),
      ...(isOwnPlatform(platform, process.arch) ? { description: l10n.t('for this machine') } : {}),
      platform,
    })),
    { title: l10n.t('Which Platform?'), placeHolder: l10n.t('Programs of another one do not run here') },
  );
  return picked?.platform ?? 'cancelled';
}

import { commands, env, l10n, Uri, window } from 'vscode';
import type { ImageSummary } from '../../helper/protocol/index.js';
import { builtText } from '../building/builtText.js';
import type { TextDocuments } from '../documents/textDocuments.js';
import { messageText } from '../text/untrusted.js';
import { removeVolumes } from '../volumes/volumeCommands.js';
import { nodeOf } from './arguments.js';
import type { CommandContext } from './context.js';
import { bootstrapImage, buildImage } from './images/build.js';
import { chooseImage } from './images/chooseImage.js';
import { commitContainer, exportTo } from './images/give.js';
import { chooseArchive, chooseLayout, importFrom } from './images/importImage.js';
import { pullImage, pushImage } from './images/registry.js';
import { pruneImages, removeImages, renameImage } from './images/remove.js';
import type { Handler } from './register.js';

/** What was built in this window, by the image's name, for the document that tells of it. */
export type BuiltTexts = Map<string, string>;

/** Commands on images. @param documents the configurations of images, and what was built. */
export function imageCommands(
  context: CommandContext,
  documents: { configurations: TextDocuments; builds: TextDocuments; built: BuiltTexts },
): Record<string, { doing: string; run: Handler }> {
  return {
    'terrarium.importImage': {
      doing: l10n.t('Import'),
      run: async (resource) => {
        // From the editor's explorer it comes with the file.
        const source = resource instanceof Uri ? resource : await chooseArchive();
        offerLaunch(context, source && (await importFrom(context, source)), l10n.t('Imported'));
      },
    },
    'terrarium.importLayout': {
      doing: l10n.t('Import'),
      run: async () => {
        const source = await chooseLayout();
        offerLaunch(context, source && (await importFrom(context, source)), l10n.t('Imported'));
      },
    },
    'terrarium.pullImage': {
      doing: l10n.t('Pull'),
      run: async () => offerLaunch(context, await pullImage(context), l10n.t('Pulled')),
    },
    'terrarium.pushImage': {
      doing: l10n.t('Push'),
      run: async (node) => {
        const reference = await pushImage(context, node);
        if (reference !== undefined) {
          window.setStatusBarMessage(l10n.t('Pushed {0}', messageText(reference)), 5000);
        }
      },
    },
    'terrarium.forgetCredentials': {
      doing: l10n.t('Forget credentials'),
      run: async () => {
        const hosts = await context.registries.forget();
        window.showInformationMessage(
          hosts.length === 0
            ? l10n.t('No credentials of registries are kept.')
            : l10n.t('Forgotten: the credentials for {0}.', messageText(hosts.join(', '))),
        );
      },
    },
    'terrarium.buildImage': {
      doing: l10n.t('Build an image'),
      run: async () => {
        const result = await buildImage(context);
        if (result) {
          documents.built.set(result.image.name, builtText(result));
          await documents.builds.showRendered(result.image.name, `${result.image.name.replaceAll('/', '-')}.md`);
          offerLaunch(context, result.image, l10n.t('Built'));
        }
      },
    },
    'terrarium.bootstrapImage': {
      doing: l10n.t('Bootstrap a distribution'),
      run: async () => {
        const name = await bootstrapImage(context);
        offerLaunch(context, name === undefined ? undefined : { name }, l10n.t('Bootstrapped'));
      },
    },
    'terrarium.commitContainer': {
      doing: l10n.t('Commit'),
      run: async (node) => offerLaunch(context, await commitContainer(context, node), l10n.t('Committed to')),
    },
    'terrarium.export': { doing: l10n.t('Export'), run: (node) => exportTo(context, node) },
    'terrarium.renameImage': { doing: l10n.t('Rename image'), run: (node) => renameImage(context, node) },
    'terrarium.removeImage': {
      doing: l10n.t('Remove image'),
      // The key for it counts in the whole view, which has volumes too.
      run: (first, selection) =>
        nodeOf('volume', first) ? removeVolumes(context, first, selection) : removeImages(context, first, selection),
    },
    'terrarium.pruneImages': { doing: l10n.t('Prune images'), run: () => pruneImages(context) },
    'terrarium.showImageConfiguration': {
      doing: l10n.t('Show configuration'),
      run: async (node) => {
        const image = await chooseImage(context, l10n.t('Show the configuration of which image?'), node);
        if (image) {
          await documents.configurations.show(image.name, `${image.name.replaceAll('/', '-')}.json`);
        }
      },
    },
    'terrarium.copyDigest': {
      doing: l10n.t('Copy digest'),
      run: async (node) => {
        const digest = nodeOf('image', node)?.image.digest ?? nodeOf('layer', node)?.layer.diffId;
        if (digest !== undefined) {
          await env.clipboard.writeText(digest);
        }
      },
    },
  };
}

/** Tells of a new image without waiting for an answer. Nothing when the person left. */
function offerLaunch(context: CommandContext, image: Pick<ImageSummary, 'name'> | undefined, did: string): void {
  if (!image) {
    return;
  }
  const launch = { title: l10n.t('Launch') };

  window.showInformationMessage(messageText(`${did} ${image.name}.`), launch).then(
    (answer) =>
      answer === launch
        ? commands.executeCommand('terrarium.launchImage', { kind: 'image', image: { name: image.name } })
        : undefined,
    (error: unknown) => context.log.error(`Notification: ${String(error)}`),
  );
}

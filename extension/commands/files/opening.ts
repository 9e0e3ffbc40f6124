import * as path from 'node:path/posix';
import { commands, env, l10n, ViewColumn, window } from 'vscode';
import { type FileRoot, ListImages } from '../../../helper/protocol/index.js';
import { fileScheme } from '../../files/addresses.js';
import { capabilitiesMeaning } from '../../files/capabilities.js';
import { capabilityHints } from '../../files/capabilityHints.js';
import type { MoreNode } from '../../files/filesTree.js';
import { askForPath } from '../../files/goToPath.js';
import { isFolder } from '../../files/listing.js';
import { search } from '../../files/search.js';
import { rootOfNode } from '../../files/shownRoot.js';
import { addWorkspaceFolder } from '../../files/workspaceFolders.js';
import { containerPicks } from '../../flows/containerPicks.js';
import { shownCommand } from '../../text/commandLine.js';
import { iconSafeText, messageText, plainText } from '../../text/untrusted.js';
import { nodeOf } from '../arguments.js';
import type { CommandContext } from '../context.js';
import { inView } from '../progress.js';
import type { Handler } from '../register.js';
import { isRunning, target } from '../targets.js';
import { destination, file, files, shownRoot } from './targets.js';

/** Commands that show files, and places: none of them changes anything. */
export function openingCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  return {
    'terrarium.openFile': { doing: l10n.t('Open'), run: (first, selection) => open(context, first, selection, false) },
    'terrarium.openFileToSide': {
      doing: l10n.t('Open to the side'),
      run: (first, selection) => open(context, first, selection, true),
    },
    'terrarium.showMoreFiles': {
      doing: l10n.t('Show more'),
      run: (first) => {
        const node = first as Partial<MoreNode> | undefined;
        if (node?.kind === 'more' && node.path !== undefined) {
          context.files.tree.more(node as MoreNode);
        }
      },
    },
    'terrarium.refreshFiles': { doing: l10n.t('Refresh'), run: () => context.files.tree.refresh() },
    'terrarium.pickRoot': { doing: l10n.t('Choose a root'), run: () => pickRoot(context) },
    'terrarium.pinRoot': { doing: l10n.t('Pin'), run: () => context.files.pin(true) },
    'terrarium.unpinRoot': { doing: l10n.t('Unpin'), run: () => context.files.pin(false) },
    'terrarium.showInFiles': { doing: l10n.t('Show in files'), run: (first) => showInFiles(context, first) },
    'terrarium.revealFile': { doing: l10n.t('Reveal'), run: (first) => revealFile(context, first) },
    'terrarium.goToPath': { doing: l10n.t('Go to a path'), run: (first) => goToPath(context, first) },
    'terrarium.openTerminalHere': { doing: l10n.t('Open a terminal'), run: (first) => openTerminal(context, first) },
    'terrarium.showFileCapabilities': {
      doing: l10n.t('Show file capabilities'),
      run: (first) => showCapabilities(context, first),
    },
    'terrarium.copyFilePath': {
      doing: l10n.t('Copy the path'),
      run: async (first, selection) =>
        copy((await files(context, first, selection)).map((node) => node.path).join('\n')),
    },
    'terrarium.copyCpCommand': {
      doing: l10n.t('Copy as a command'),
      run: async (first) => {
        const node = await file(context, first);
        const from = `${context.roots.title(node.root)}:${node.path}`;
        await copy(shownCommand(['terrarium', 'cp', from, `./${path.basename(node.path)}`]));
      },
    },
    'terrarium.searchFiles': {
      doing: l10n.t('Search'),
      run: async (first) => search(context.helper, context.roots, await destination(context, first)),
    },
    'terrarium.addToWorkspace': {
      doing: l10n.t('Add to the workspace'),
      run: async (first) => addWorkspaceFolder(context.roots, await destination(context, first)),
    },
  };
}

async function copy(text: string): Promise<void> {
  if (text !== '') {
    await env.clipboard.writeText(text);
    window.setStatusBarMessage(l10n.t('Copied {0}', plainText(text, 80)), 3000);
  }
}

async function open(context: CommandContext, first: unknown, selection: unknown, toSide: boolean): Promise<void> {
  const nodes = (await files(context, first, selection)).filter(({ entry }) => !isFolder(entry));
  for (const node of nodes) {
    await commands.executeCommand('vscode.open', context.roots.uri(node), {
      preview: nodes.length === 1,
      viewColumn: toSide ? ViewColumn.Beside : ViewColumn.Active,
    });
  }
}

async function pickRoot(context: CommandContext): Promise<void> {
  const [containers, images] = [await context.store.list(), await context.helper.request(ListImages)];
  const picks = [
    ...containerPicks(containers).map(({ summary, ...look }) => ({
      ...look,
      root: { kind: 'container', container: summary.id } as FileRoot,
    })),
    ...images.map((image) => ({
      label: `$(package) ${iconSafeText(image.name, 100)}`,
      description: l10n.t('image, read-only'),
      root: { kind: 'image', name: image.name } as FileRoot,
    })),
  ];
  if (picks.length === 0) {
    throw new Error(l10n.t('There is no container and no image yet.'));
  }
  const picked = await window.showQuickPick(picks, {
    title: l10n.t('Show Which Root File System?'),
    matchOnDescription: true,
  });
  if (picked) {
    context.files.choose(picked.root);
    await commands.executeCommand('terrarium.files.focus');
  }
}

/** From a container, one of its mounts, or an image. */
async function showInFiles(context: CommandContext, first: unknown): Promise<void> {
  const root = rootOfNode(first);
  if (!root) {
    await pickRoot(context);
    return;
  }
  const at = nodeOf('mount', first)?.mount.destination ?? '/';
  if (!(await context.files.reveal(root, at, { expand: true }))) {
    throw new Error(l10n.t('{0} is not there.', at));
  }
  if (at === '/') {
    await commands.executeCommand('terrarium.files.focus');
  }
}

/** From an editor: its file in the tree. */
async function revealFile(context: CommandContext, first: unknown): Promise<void> {
  const uri = window.activeTextEditor?.document.uri;
  const node = await file(context, first ?? (uri?.scheme === fileScheme ? uri : undefined));
  if (!(await context.files.reveal(node.root, node.path))) {
    throw new Error(l10n.t('{0} is not there.', node.path));
  }
}

async function goToPath(context: CommandContext, first: unknown): Promise<void> {
  if (!context.files.root) {
    await pickRoot(context);
  }
  const root = shownRoot(context);
  const from = await destination(context, first);
  const title = l10n.t('Go to Path in {0}', context.roots.title(root));
  const answer = await askForPath(context.helper, root, title, from.path === '/' ? '/' : `${from.path}/`);
  if (!answer) {
    return;
  }
  await context.files.reveal(root, answer.path, { focus: answer.folder, expand: true });
  if (!answer.folder) {
    await commands.executeCommand('vscode.open', context.roots.uri({ root, path: answer.path }));
  }
}

async function openTerminal(context: CommandContext, first: unknown): Promise<void> {
  const { root, path: cwd } = await destination(context, first);
  if (root.kind === 'image') {
    throw new Error(l10n.t('Nothing runs in an image. Launch a container from it.'));
  }
  const called = { first: { container: root.container }, selection: undefined };
  const summary = await target(context.store, called, l10n.t('Open a terminal in'), isRunning);
  if (summary) {
    await inView(() => context.attacher.newShell(summary, { cwd }));
  }
}

/** What a program may do more than who runs it, and why it gets less. */
async function showCapabilities(context: CommandContext, first: unknown): Promise<void> {
  const { root, path: place, entry } = await file(context, first);
  const name = path.basename(place);
  if (entry.capabilities === undefined) {
    await window.showInformationMessage(messageText(l10n.t('{0} has no capabilities.', name)));
    return;
  }
  const hints = (await capabilityHints(context.helper, root, [entry])).get(entry) ?? [];
  const lines = [`${name}: ${entry.capabilities}.`, ...capabilitiesMeaning(entry.capabilities), ...hints];
  const text = messageText(lines.join(' '), 1000);
  await (hints.length === 0 ? window.showInformationMessage(text) : window.showWarningMessage(text));
}

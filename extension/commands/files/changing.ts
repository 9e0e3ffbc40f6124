import { stat } from 'node:fs/promises';
import * as path from 'node:path/posix';
import { commands, l10n, type QuickPickItem, Uri, window, workspace } from 'vscode';
import { modeText } from '../../../helper/protocol/fileMode.js';
import { inFolder, sameRoot } from '../../files/addresses.js';
import { capabilitiesMessage } from '../../files/capabilities.js';
import type { FileNode } from '../../files/filesTree.js';
import { ownerText } from '../../files/fileText.js';
import { changedMode, modeProblem, octalText, ownerProblem } from '../../files/mode.js';
import { closeDeleted, followRename } from '../../files/openEditors.js';
import { messageText } from '../../text/untrusted.js';
import type { CommandContext } from '../context.js';
import type { Handler } from '../register.js';
import { destination, file, someFiles } from './targets.js';

/** What was cut or copied in the tree, until it is pasted. */
interface Clipboard {
  nodes: readonly FileNode[];
  how: 'move' | 'copy';
}

/** Commands that change files in containers. Where nothing can be changed, they say why. */
export function changingCommands(context: CommandContext): Record<string, { doing: string; run: Handler }> {
  let clipboard: Clipboard | undefined;
  const take = async (first: unknown, selection: unknown, how: Clipboard['how']): Promise<void> => {
    clipboard = { nodes: await someFiles(context, first, selection), how };
    await commands.executeCommand('setContext', 'terrarium.filesClipboard', true);
  };
  return {
    'terrarium.newFile': { doing: l10n.t('Make a file'), run: (first) => create(context, first, 'file') },
    'terrarium.newFolder': { doing: l10n.t('Make a folder'), run: (first) => create(context, first, 'folder') },
    'terrarium.renameFile': { doing: l10n.t('Rename'), run: (first) => rename(context, first) },
    'terrarium.deleteFile': {
      doing: l10n.t('Delete'),
      run: (first, selection) => remove(context, first, selection),
    },
    'terrarium.cutFiles': { doing: l10n.t('Cut'), run: (first, selection) => take(first, selection, 'move') },
    'terrarium.copyFiles': { doing: l10n.t('Copy'), run: (first, selection) => take(first, selection, 'copy') },
    'terrarium.pasteFiles': {
      doing: l10n.t('Paste'),
      run: async (first) => {
        if (clipboard) {
          await paste(context, first, clipboard);
          clipboard = clipboard.how === 'move' ? undefined : clipboard;
          await commands.executeCommand('setContext', 'terrarium.filesClipboard', clipboard !== undefined);
        }
      },
    },
    'terrarium.changeMode': {
      doing: l10n.t('Change the mode'),
      run: (first, selection) => changeMode(context, first, selection),
    },
    'terrarium.changeOwner': {
      doing: l10n.t('Change the owner'),
      run: (first, selection) => changeOwner(context, first, selection),
    },
    'terrarium.setFileCapabilities': {
      doing: l10n.t('Set file capabilities'),
      run: (first, selection) => setCapabilities(context, first, selection),
    },
    'terrarium.uploadFiles': { doing: l10n.t('Upload'), run: (first) => upload(context, first) },
    'terrarium.downloadFiles': {
      doing: l10n.t('Download'),
      run: (first, selection) => download(context, first, selection),
    },
  };
}

/** What is wrong with the name of a file, in a sentence, or nothing. */
function nameProblem(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..') {
    return l10n.t('Type a name.');
  }
  if (name.includes('\0')) {
    return l10n.t('Names have no NUL.');
  }
  return name.split('/').some((part) => Buffer.byteLength(part) > 255)
    ? l10n.t('A name has at most 255 bytes.')
    : undefined;
}

async function create(context: CommandContext, first: unknown, what: 'file' | 'folder'): Promise<void> {
  const { root, path: folder } = await destination(context, first);
  const name = await window.showInputBox({
    title: messageText(what === 'file' ? l10n.t('New File in {0}', folder) : l10n.t('New Folder in {0}', folder)),
    prompt: l10n.t('Its name'),
    validateInput: (text) => nameProblem(text) ?? (text.includes('/') ? l10n.t('A name, without "/".') : undefined),
  });
  if (name === undefined) {
    return;
  }
  const made = { root, path: inFolder(folder, name) };
  if (what === 'folder') {
    await context.fileActions.createFolder(made);
  } else {
    await context.fileActions.createFile(made);
    await commands.executeCommand('vscode.open', context.roots.uri(made));
  }
  await context.files.reveal(root, made.path, { focus: what === 'folder' });
}

async function rename(context: CommandContext, first: unknown): Promise<void> {
  const { root, path: from } = await file(context, first);
  const old = path.basename(from);
  const name = await window.showInputBox({
    title: messageText(l10n.t('Rename {0}', old)),
    value: old,
    // As the editor's own explorer: without the ending.
    valueSelection: [0, path.parse(old).name.length],
    prompt: l10n.t('New name, or an absolute path to move it to'),
    validateInput: nameProblem,
  });
  if (name === undefined || name === old) {
    return;
  }
  const to = path.resolve(path.dirname(from), name);
  await context.fileActions.rename(root, from, to);
  await followRename(context.roots.uri({ root, path: from }), context.roots.uri({ root, path: to }));
  await context.files.reveal(root, to);
}

async function remove(context: CommandContext, first: unknown, selection: unknown): Promise<void> {
  const nodes = await someFiles(context, first, selection);
  const [only] = nodes;
  const button = { title: l10n.t('Delete') };
  const question =
    nodes.length === 1 ? l10n.t('Delete {0}?', path.basename(only.path)) : l10n.t('Delete {0} items?', nodes.length);
  const detail = [
    nodes
      .map((node) => node.path)
      .slice(0, 10)
      .join(', '),
    nodes.some(({ entry }) => entry.kind === 'directory') ? l10n.t('Folders with all that is in them.') : '',
    l10n.t('There is no trash in a container: this cannot be undone.'),
  ];
  const answer = await window.showWarningMessage(
    messageText(question),
    {
      modal: true,
      detail: detail
        .filter((line) => line !== '')
        .map((line) => messageText(line))
        .join('\n'),
    },
    button,
  );
  if (answer === button) {
    await context.fileActions.delete(nodes, (node) => closeDeleted(context.roots.uri(node)));
  }
}

async function paste(context: CommandContext, first: unknown, { nodes, how }: Clipboard): Promise<void> {
  const to = await destination(context, first);
  const own = nodes.filter(({ root }) => sameRoot(root, to.root)).map((node) => node.path);
  if (own.length > 0) {
    await context.fileActions.putInto(to.root, own, to.path, how);
  }
  for (const node of nodes.filter(({ root }) => !sameRoot(root, to.root))) {
    await workspace.fs.copy(
      context.roots.uri(node),
      context.roots.uri({ ...to, path: inFolder(to.path, path.basename(node.path)) }),
    );
  }
  await context.files.reveal(to.root, to.path, { expand: true });
}

/** For folders: whether what is in them changes, too. Undefined: the person left. */
async function askRecursive(nodes: readonly FileNode[]): Promise<boolean | undefined> {
  if (!nodes.some(({ entry }) => entry.kind === 'directory')) {
    return false;
  }
  const items: (QuickPickItem & { recursive: boolean })[] = [
    { label: l10n.t('Only what is selected'), recursive: false },
    { label: l10n.t('Also all that is in the folders'), recursive: true },
  ];
  return (await window.showQuickPick(items, { title: l10n.t('How far?') }))?.recursive;
}

async function changeMode(context: CommandContext, first: unknown, selection: unknown): Promise<void> {
  const nodes = await someFiles(context, first, selection);
  const [only] = nodes;
  const text = await window.showInputBox({
    title: messageText(titleFor(nodes, l10n.t('Change Mode of'))),
    value: nodes.length === 1 ? octalText(only.entry.mode) : '',
    prompt: l10n.t('Octal such as 644, or symbolic such as u+x,go-w'),
    validateInput: (typed) => {
      const mode = changedMode(typed, only.entry);
      return modeProblem(typed) ?? (mode === undefined ? undefined : modePreview(only, mode));
    },
  });
  const recursive = text === undefined ? undefined : await askRecursive(nodes);
  if (text !== undefined && recursive !== undefined) {
    await context.fileActions.changeMode(nodes, text, recursive);
  }
}

/** What a typed mode would make of a file, shown while it is typed. */
function modePreview({ entry }: FileNode, mode: number): { message: string; severity: 1 } {
  const was = `${modeText(entry.kind, entry.mode)} (${octalText(entry.mode)})`;
  return { message: `${was} → ${modeText(entry.kind, mode)} (${octalText(mode)})`, severity: 1 };
}

async function changeOwner(context: CommandContext, first: unknown, selection: unknown): Promise<void> {
  const nodes = await someFiles(context, first, selection);
  const [only] = nodes;
  const owner = await window.showInputBox({
    title: messageText(titleFor(nodes, l10n.t('Change Owner of'))),
    value: nodes.length === 1 ? ownerText(only.entry) : '',
    prompt: l10n.t('user, user:group or :group; names of the container, or numbers that it has'),
    validateInput: ownerProblem,
  });
  const recursive = owner === undefined ? undefined : await askRecursive(nodes);
  if (owner !== undefined && recursive !== undefined) {
    await context.fileActions.changeOwner(nodes, owner.trim(), recursive);
  }
}

async function setCapabilities(context: CommandContext, first: unknown, selection: unknown): Promise<void> {
  const nodes = await someFiles(context, first, selection);
  const [only] = nodes;
  const text = await window.showInputBox({
    title: messageText(titleFor(nodes, l10n.t('Set Capabilities of'))),
    value: nodes.length === 1 ? (only.entry.capabilities ?? '') : '',
    prompt: l10n.t(
      'As for setcap, such as cap_net_bind_service=ep; empty removes them. no_new_privs takes their effect away.',
    ),
    validateInput: capabilitiesMessage,
  });
  if (text !== undefined) {
    await context.fileActions.setCapabilities(nodes, text.trim());
  }
}

function titleFor(nodes: readonly FileNode[], doing: string): string {
  const what = nodes.length === 1 ? path.basename(nodes[0]?.path ?? '') : l10n.t('{0} Items', nodes.length);
  return `${doing} ${what}`;
}

async function upload(context: CommandContext, first: unknown): Promise<void> {
  const to = await destination(context, first);
  const sources = await window.showOpenDialog({
    title: messageText(l10n.t('Upload to {0}', to.path)),
    openLabel: l10n.t('Upload'),
    canSelectFiles: true,
    canSelectMany: true,
    defaultUri: workspaceFolder(),
  });
  if (sources && sources.length > 0) {
    await context.fileActions.upload(to, sources);
    await context.files.reveal(to.root, to.path, { expand: true });
  }
}

async function download(context: CommandContext, first: unknown, selection: unknown): Promise<void> {
  const nodes = await someFiles(context, first, selection);
  const [only] = nodes;
  const [folder] =
    (await window.showOpenDialog({
      title: messageText(titleFor(nodes, l10n.t('Download'))),
      openLabel: l10n.t('Download'),
      canSelectFiles: false,
      canSelectFolders: true,
      defaultUri: workspaceFolder(),
    })) ?? [];
  if (!folder) {
    return;
  }
  const names = nodes.map((node) => path.basename(node.path));
  const there = await existing(folder, names);
  if (there.length > 0) {
    const button = { title: l10n.t('Replace') };
    const question = l10n.t('Replace {0} in {1}?', there.slice(0, 5).join(', '), folder.fsPath);
    if ((await window.showWarningMessage(messageText(question), { modal: true }, button)) !== button) {
      return;
    }
  }
  const paths = nodes.map((node) => node.path);
  await context.fileActions.download(only.root, paths, folder.fsPath, there.length > 0);
}

/** Those names that are in a folder of this machine. */
async function existing(folder: Uri, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map((name) =>
      stat(Uri.joinPath(folder, name).fsPath).then(
        () => [name],
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') {
            return [];
          }
          throw error;
        },
      ),
    ),
  );
  return found.flat();
}

function workspaceFolder(): Uri {
  return workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file')?.uri ?? Uri.file(process.env.HOME ?? '/');
}

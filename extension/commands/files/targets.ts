import * as path from 'node:path/posix';
import { l10n, Uri } from 'vscode';
import { type FileReference, type FileRoot, StatFile } from '../../../helper/protocol/index.js';
import { fileScheme } from '../../files/addresses.js';
import type { FileNode } from '../../files/filesTree.js';
import { isFolder } from '../../files/listing.js';
import { calledOn } from '../arguments.js';
import type { CommandContext } from '../context.js';

/** The file of the tree, if it is one. Anybody can call a command with anything. */
function fileNode(value: unknown): FileNode | undefined {
  const node = value as Partial<FileNode> | undefined | null;
  return typeof node === 'object' && node?.kind === 'entry' && typeof node.path === 'string' && node.root && node.entry
    ? (node as FileNode)
    : undefined;
}

/**
 * The files that a command is for: those it was called on in the tree, or as documents; called from the palette, those
 * selected in the tree. Nothing that lies in another of them: what is done to a folder is done to what is in it.
 */
export async function files(context: CommandContext, first: unknown, selection?: unknown): Promise<FileNode[]> {
  const called = first === undefined ? context.files.view.selection : calledOn(first, selection);
  const nodes: FileNode[] = [];
  for (const item of called) {
    const node = item instanceof Uri ? await nodeOfUri(context, item) : fileNode(item);
    if (node) {
      nodes.push(node);
    }
  }
  return nodes.filter(
    (node) =>
      !nodes.some((other) => other !== node && node.path.startsWith(`${other.path === '/' ? '' : other.path}/`)),
  );
}

/** As `files`. Refuses when there is none. */
export async function someFiles(
  context: CommandContext,
  first: unknown,
  selection?: unknown,
): Promise<[FileNode, ...FileNode[]]> {
  const [node, ...others] = await files(context, first, selection);
  if (!node) {
    throw new Error(l10n.t('Select a file in the view Root File System first.'));
  }
  return [node, ...others];
}

/** As `someFiles`, for commands that make sense for one. */
export async function file(context: CommandContext, first: unknown): Promise<FileNode> {
  const [node] = await someFiles(context, first);
  return node;
}

/** The folder that something new goes into: the one selected, the one that holds what is selected, or the root. */
export async function destination(context: CommandContext, first: unknown): Promise<FileReference> {
  const [node] = await files(context, first);
  if (node) {
    return { root: node.root, path: isFolder(node.entry) ? node.path : path.dirname(node.path) };
  }
  return { root: shownRoot(context), path: '/' };
}

/** The root in the view; refuses when there is none. */
export function shownRoot(context: CommandContext): FileRoot {
  const { root } = context.files;
  if (!root) {
    throw new Error(l10n.t('Select a container or an image first.'));
  }
  return root;
}

async function nodeOfUri(context: CommandContext, uri: Uri): Promise<FileNode | undefined> {
  if (uri.scheme !== fileScheme) {
    return undefined;
  }
  const reference = await context.roots.reference(uri);
  return { kind: 'entry', ...reference, entry: await context.helper.request(StatFile, reference) };
}

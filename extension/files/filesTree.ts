import * as path from 'node:path/posix';
import {
  type Disposable,
  EventEmitter,
  type LogOutputChannel,
  l10n,
  ThemeIcon,
  type TreeDataProvider,
  type TreeItem,
  TreeItemCollapsibleState,
} from 'vscode';
import {
  type FileEntry,
  type FileEvent,
  type FileReference,
  type FileRoot,
  ListFiles,
} from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { presentFailure } from '../views/failure.js';
import { treeItem } from '../views/treeItem.js';
import { contentOf, inFolder, rootKey, sameRoot } from './addresses.js';
import { capabilityHints } from './capabilityHints.js';
import { presentFile, presentMore } from './fileText.js';
import { isFolder, isRegular, pageSize, pagesFor, sortEntries } from './listing.js';
import type { Roots } from './roots.js';

export interface FileNode {
  kind: 'entry';
  root: FileRoot;
  path: string;
  entry: FileEntry;
  /** Why the folder that it is in cannot be changed, when it cannot. */
  readOnly?: string | undefined;
  /** Why its capabilities give less than they say. */
  ineffective?: readonly string[] | undefined;
}
export interface MoreNode {
  kind: 'more';
  root: FileRoot;
  /** The folder that has more. */
  path: string;
  shown: number;
  total: number;
}
export type FileTreeNode = FileNode | MoreNode | { kind: 'failure'; root: FileRoot; path: string; message: string };

interface Folder {
  /** Sorted. */
  entries: FileEntry[];
  /** Of programs with capabilities. */
  ineffective: ReadonlyMap<FileEntry, readonly string[]>;
  readOnly?: string;
  pages: number;
}

/** Folders are read again at most this often, however fast they change. In milliseconds. */
const settleMilliseconds = 400;

/** The tree of one root at a time. Folders are read when they are opened, and again when an event says they changed. */
export class FilesTree implements TreeDataProvider<FileTreeNode>, Disposable {
  private current: FileRoot | undefined;
  /** By path. */
  private readonly folders = new Map<string, Folder>();
  private readonly nodes = new Map<string, FileNode>();
  private readonly stale = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private readonly changed = new EventEmitter<FileTreeNode | undefined>();
  private readonly read = new EventEmitter<FileReference & { readOnly?: string }>();

  readonly onDidChangeTreeData = this.changed.event;
  /** A folder was read; with the reason when nothing can be changed in it. */
  readonly onDidRead = this.read.event;

  constructor(
    private readonly helper: HelperClient,
    private readonly roots: Roots,
    private readonly log: LogOutputChannel,
  ) {}

  /** The folders that were read: what is watched while the view can be seen. */
  get folderPaths(): string[] {
    return [...this.folders.keys()];
  }

  /** Shows another root, or none. */
  show(root: FileRoot | undefined): void {
    this.current = root;
    this.refresh();
  }

  /** Reads everything anew that is on display. */
  refresh(): void {
    this.folders.clear();
    this.nodes.clear();
    this.changed.fire(undefined);
  }

  /** Why nothing can be changed in a folder that was read. */
  readOnly(folder: string): string | undefined {
    return this.folders.get(folder)?.readOnly;
  }

  /** Takes what changed in roots; what is on display of it is read again shortly after. */
  take(events: readonly FileEvent[]): void {
    for (const { root, path: file } of events) {
      if (this.current && sameRoot(root, this.current)) {
        for (const folder of [path.dirname(file), file].filter((candidate) => this.folders.has(candidate))) {
          this.stale.add(folder);
        }
      }
    }
    if (this.stale.size > 0) {
      this.timer ??= setTimeout(() => this.readStale(), settleMilliseconds);
    }
  }

  /** Draws the next page of a folder. */
  more(node: MoreNode): void {
    const folder = this.folders.get(node.path);
    if (folder) {
      folder.pages++;
      this.fire(node.path);
    }
  }

  /** The node of a file for `reveal`, with all that it lies in read and drawn. Undefined: there is no such file. */
  async node(file: string): Promise<FileNode | undefined> {
    if (file === '/') {
      return undefined;
    }
    const parent = path.dirname(file);
    if (parent !== '/' && !(await this.node(parent))) {
      return undefined;
    }
    const isIt = ({ name }: FileEntry): boolean => name === path.basename(file);
    let folder = await this.folder(parent);
    if (!folder.entries.some(isIt)) {
      // It may have been made a moment ago.
      folder = await this.reread(parent, folder);
    }
    const index = folder.entries.findIndex(isIt);
    if (index === -1) {
      return undefined;
    }
    if (pagesFor(index) > folder.pages) {
      folder.pages = pagesFor(index);
      this.fire(parent);
    }
    this.draw(parent, folder);
    return this.nodes.get(file);
  }

  getTreeItem(node: FileTreeNode): TreeItem {
    const id = `${rootKey(node.root)} ${node.kind} ${node.path}`;
    const { None, Collapsed } = TreeItemCollapsibleState;
    if (node.kind === 'failure') {
      return treeItem(id, presentFailure(node.message), None);
    }
    if (node.kind === 'more') {
      const item = treeItem(id, presentMore(node.shown, node.total), None);
      item.command = { command: 'terrarium.showMoreFiles', title: l10n.t('Show More'), arguments: [node] };
      return item;
    }
    const folder = isFolder(node.entry);
    const presentation = presentFile(node.entry, node.path, node.readOnly === undefined, node.ineffective);
    const item = treeItem(id, presentation, folder ? Collapsed : None);
    // Gives the icon of the icon theme, and what decorates changes something to go by.
    item.resourceUri = this.roots.uri(node);
    if (!presentation.icon) {
      item.iconPath = folder ? ThemeIcon.Folder : ThemeIcon.File;
    }
    if (isRegular(node.entry)) {
      // The editor's own command is told how it was called: a click keeps the focus in the tree, a double click does not.
      item.command = { command: 'vscode.open', title: l10n.t('Open'), arguments: [item.resourceUri] };
    }
    return item;
  }

  getParent(node: FileTreeNode): FileTreeNode | undefined {
    return this.nodes.get(node.kind === 'entry' ? path.dirname(node.path) : node.path);
  }

  async getChildren(node?: FileTreeNode): Promise<FileTreeNode[]> {
    const root = this.current;
    if (!root || (node && node.kind !== 'entry')) {
      return [];
    }
    const file = node?.path ?? '/';
    try {
      return this.draw(file, await this.folder(file));
    } catch (error) {
      // Not kept: the next refresh tries again.
      const message = error instanceof Error ? error.message : String(error);
      this.log.warn(`Files in ${file}: ${message}`);
      return [{ kind: 'failure', root, path: file, message }];
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.changed.dispose();
    this.read.dispose();
  }

  private async folder(file: string): Promise<Folder> {
    const known = this.folders.get(file);
    if (known) {
      return known;
    }
    const root = this.current;
    if (!root) {
      throw new Error(l10n.t('No root file system is chosen.'));
    }
    const { entries, readOnly } = await this.helper.request(ListFiles, contentOf({ root, path: file }));
    const ineffective = await this.hints(root, entries);
    const folder = {
      entries: sortEntries(entries),
      ineffective,
      pages: 1,
      ...(readOnly === undefined ? {} : { readOnly }),
    };
    // Another root may have been chosen meanwhile.
    if (this.current && sameRoot(root, this.current)) {
      this.folders.set(file, folder);
      this.read.fire({ root, path: file, ...(readOnly === undefined ? {} : { readOnly }) });
    }
    return folder;
  }

  private async hints(root: FileRoot, entries: readonly FileEntry[]): Promise<Folder['ineffective']> {
    try {
      return await capabilityHints(this.helper, root, entries);
    } catch (error) {
      // Files are shown without: the container may just have been removed.
      this.log.warn(`Capabilities of files: ${String(error)}`);
      return new Map();
    }
  }

  private draw(file: string, { entries, ineffective, readOnly, pages }: Folder): FileTreeNode[] {
    const root = this.current;
    if (!root) {
      return [];
    }
    const shown = entries.slice(0, pages * pageSize).map((entry): FileTreeNode => {
      const at = inFolder(file, entry.name);
      // The editor knows nodes by identity.
      const node = this.nodes.get(at) ?? { kind: 'entry', root, path: at, entry };
      node.entry = entry;
      node.readOnly = readOnly;
      node.ineffective = ineffective.get(entry);
      this.nodes.set(at, node);
      return node;
    });
    return entries.length > shown.length
      ? [...shown, { kind: 'more', root, path: file, shown: shown.length, total: entries.length }]
      : shown;
  }

  private readStale(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const file of this.stale) {
      const known = this.folders.get(file);
      if (known) {
        // It is gone, or cannot be read any more: drawing it says so.
        this.reread(file, known).catch(() => this.fire(file));
      }
    }
    this.stale.clear();
  }

  /** Reads a folder anew and draws it, as many pages of it as before. */
  private async reread(file: string, known: Folder): Promise<Folder> {
    this.folders.delete(file);
    const folder = await this.folder(file);
    folder.pages = Math.max(folder.pages, known.pages);
    this.forget(file, known, folder);
    this.fire(file);
    return folder;
  }

  /** Drops the nodes of what is no longer in a folder. */
  private forget(file: string, before: Folder, now: Folder): void {
    const names = new Set(now.entries.map(({ name }) => name));
    for (const { name } of before.entries) {
      if (!names.has(name)) {
        this.nodes.delete(inFolder(file, name));
        this.folders.delete(inFolder(file, name));
      }
    }
  }

  private fire(file: string): void {
    this.changed.fire(file === '/' ? undefined : this.nodes.get(file));
  }
}

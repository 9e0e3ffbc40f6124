import * as path from 'node:path/posix';
import {
  Disposable,
  EventEmitter,
  type FileChangeEvent,
  FileChangeType,
  FilePermission,
  type FileStat,
  FileSystemError,
  type FileSystemProvider,
  FileType,
  l10n,
  Uri,
  workspace,
} from 'vscode';
import {
  CopyFile,
  CreateFolder,
  CreateLink,
  DeleteFile,
  type FileEntry,
  type FileEvent,
  type FileKind,
  type FileReference,
  type FileRoot,
  FilesChanged,
  ListFiles,
  MoveFile,
  ReadFile,
  StatFile,
  WriteFile,
} from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import type { HelperClient } from '../helperClient.js';
import { contentOf, fileScheme, inFolder, rootKey, sameRoot } from './addresses.js';
import { fileError } from './fileErrors.js';
import { isFolder } from './listing.js';
import type { Roots } from './roots.js';
import type { Watches } from './watches.js';
import { isWorkspaceConfiguration } from './workspaceConfiguration.js';

/** What is opened or copied by its content at most: the helper gives no more in one answer. In bytes. */
export const largestContent = 64 * 1024 ** 2;

const types: Partial<Record<FileKind, FileType>> = { file: FileType.File, directory: FileType.Directory };
const changeTypes: Readonly<Record<FileEvent['type'], FileChangeType>> = {
  created: FileChangeType.Created,
  changed: FileChangeType.Changed,
  deleted: FileChangeType.Deleted,
};

/** Files of containers and images for the editor itself: opening, saving, workspace folders, diffs. */
export class RootFileSystem implements FileSystemProvider, Disposable {
  /** Folders of containers in which nothing can be changed, with the reason, as far as they were listed. */
  private readonly readOnlyFolders = new Map<string, string>();
  private readonly changed = new EventEmitter<FileChangeEvent[]>();
  private readonly subscriptions: Disposable[];

  readonly onDidChangeFile = this.changed.event;

  /** @param tooLarge is told of a file that cannot be opened, to offer what can be done with it. */
  constructor(
    private readonly helper: HelperClient,
    private readonly roots: Roots,
    private readonly watches: Watches,
    private readonly tooLarge: (reference: FileReference, entry: FileEntry) => void,
  ) {
    this.subscriptions = [
      workspace.registerFileSystemProvider(fileScheme, this, { isCaseSensitive: true }),
      helper.onNotification(FilesChanged, ({ events }) => this.tell(events)),
    ];
  }

  /** Tells the editor of changes, those that are told by the helper and those that were made here. */
  tell(events: readonly FileEvent[]): void {
    if (events.length > 0) {
      this.changed.fire(events.map(({ type, ...file }) => ({ type: changeTypes[type], uri: this.roots.uri(file) })));
    }
  }

  /** Keeps what a listing said of changing a folder. */
  learn({ root, path: folder }: FileReference, readOnly: string | undefined): void {
    if (readOnly === undefined) {
      this.readOnlyFolders.delete(folderKey(root, folder));
    } else {
      this.readOnlyFolders.set(folderKey(root, folder), readOnly);
    }
  }

  watch(uri: Uri): Disposable {
    const owner = {};
    let ended = false;
    // Only what is named, also where all below it is asked for: a root has tens of thousands of folders, and /proc.
    this.roots.reference(uri).then(
      (reference) => {
        if (!ended) {
          this.watches.set(owner, [reference]);
        }
      },
      () => this.changed.fire([{ type: FileChangeType.Deleted, uri }]),
    );
    return new Disposable(() => {
      ended = true;
      this.watches.set(owner, []);
    });
  }

  async stat(uri: Uri): Promise<FileStat> {
    const reference = await this.visible(uri);
    const own = await this.ask(uri, () => this.helper.request(StatFile, reference));
    const entry =
      own.kind === 'symlink' && own.targetKind !== undefined
        ? await this.ask(uri, () => this.helper.request(StatFile, { ...reference, follow: true }))
        : own;
    return {
      type: typeOf(own),
      ctime: entry.ctime,
      mtime: entry.mtime,
      size: entry.size,
      ...(this.isReadOnly(reference) ? { permissions: FilePermission.Readonly } : {}),
    };
  }

  async readDirectory(uri: Uri): Promise<[string, FileType][]> {
    const reference = await this.visible(uri);
    const { entries, readOnly } = await this.ask(uri, () => this.helper.request(ListFiles, contentOf(reference)));
    this.learn(reference, readOnly);
    return entries
      .filter(({ name }) => !isWorkspaceConfiguration(Uri.joinPath(uri, name).path, this.workspacePaths(uri)))
      .map((entry) => [entry.name, typeOf(entry)]);
  }

  async readFile(uri: Uri): Promise<Uint8Array> {
    const reference = await this.visible(uri);
    const entry = await this.ask(uri, () => this.helper.request(StatFile, { ...reference, follow: true }));
    if (entry.size > largestContent) {
      this.tooLarge(reference, entry);
      throw FileSystemError.Unavailable(
        l10n.t(
          'It has {0}; files above {1} are downloaded, not opened.',
          formatBytes(entry.size),
          formatBytes(largestContent),
        ),
      );
    }
    const { data } = await this.ask(uri, () => this.helper.request(ReadFile, reference));
    return Buffer.from(data, 'base64');
  }

  async writeFile(uri: Uri, content: Uint8Array, how: { create: boolean; overwrite: boolean }): Promise<void> {
    const reference = await this.visible(uri);
    const data = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('base64');
    if (content.byteLength > largestContent) {
      throw FileSystemError.Unavailable(l10n.t('Files above {0} are uploaded.', formatBytes(largestContent)));
    }
    await this.ask(uri, () => this.helper.request(WriteFile, { ...reference, data, ...how }));
    this.tell([{ ...reference, type: 'changed' }]);
  }

  async createDirectory(uri: Uri): Promise<void> {
    const reference = await this.visible(uri);
    await this.ask(uri, () => this.helper.request(CreateFolder, reference));
    this.tell([{ ...reference, type: 'created' }]);
  }

  async delete(uri: Uri, { recursive }: { recursive: boolean }): Promise<void> {
    const reference = await this.visible(uri);
    await this.ask(uri, () => this.helper.request(DeleteFile, { ...reference, recursive }));
    this.tell([{ ...reference, type: 'deleted' }]);
  }

  async rename(from: Uri, to: Uri, { overwrite }: { overwrite: boolean }): Promise<void> {
    const [source, target] = [await this.visible(from), await this.visible(to)];
    if (!sameRoot(source.root, target.root)) {
      throw FileSystemError.Unavailable(l10n.t('Files are copied, not moved, from one root to another.'));
    }
    const params = { root: source.root, from: source.path, to: target.path, overwrite };
    await this.ask(from, () => this.helper.request(MoveFile, params));
    this.tell([
      { ...source, type: 'deleted' },
      { ...target, type: 'created' },
    ]);
  }

  async copy(from: Uri, to: Uri, { overwrite }: { overwrite: boolean }): Promise<void> {
    const [source, target] = [await this.visible(from), await this.visible(to)];
    await this.ask(from, () =>
      sameRoot(source.root, target.root)
        ? this.helper.request(CopyFile, { root: source.root, from: source.path, to: target.path, overwrite })
        : this.copyAcross(source, target, overwrite),
    );
    this.tell([{ ...target, type: 'created' }]);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.changed.dispose();
  }

  /** Files, folders and links from one root to another; owners and modes are those of new files. */
  private async copyAcross(source: FileReference, target: FileReference, overwrite: boolean): Promise<void> {
    const entry = await this.helper.request(StatFile, source);
    if (entry.kind === 'symlink') {
      await this.helper.request(CreateLink, { ...target, target: entry.target ?? '' });
      return;
    }
    if (entry.kind === 'directory') {
      await this.helper.request(CreateFolder, target);
      for (const { name } of (await this.helper.request(ListFiles, contentOf(source))).entries) {
        await this.copyAcross(
          { ...source, path: inFolder(source.path, name) },
          { ...target, path: inFolder(target.path, name) },
          overwrite,
        );
      }
      return;
    }
    const { data } = await this.helper.request(ReadFile, source);
    await this.helper.request(WriteFile, { ...target, data, create: true, overwrite });
  }

  /** The file that a URI means, unless it would configure the workspace. */
  private async visible(uri: Uri): Promise<FileReference> {
    if (isWorkspaceConfiguration(uri.path, this.workspacePaths(uri))) {
      throw FileSystemError.FileNotFound(l10n.t('Settings and tasks of a container do not apply to this window.'));
    }
    return this.roots.reference(uri);
  }

  private workspacePaths(uri: Uri): string[] {
    return (workspace.workspaceFolders ?? [])
      .filter((folder) => folder.uri.scheme === fileScheme && folder.uri.authority === uri.authority)
      .map((folder) => folder.uri.path);
  }

  private isReadOnly({ root, path: file }: FileReference): boolean {
    return root.kind !== 'container' || this.readOnlyFolders.has(folderKey(root, path.dirname(file)));
  }

  private async ask<T>(uri: Uri, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      const { kind, message } = fileError(error);
      // The editor makes "not found" of an URI into words of its own, and looks for nothing else in it.
      throw kind === 'FileNotFound' ? FileSystemError.FileNotFound(uri) : FileSystemError[kind](message);
    }
  }
}

function folderKey(root: FileRoot, folder: string): string {
  return `${rootKey(root)} ${folder}`;
}

/** As the editor has it: a link has its own bit and the type of what it leads to. */
function typeOf(entry: FileEntry): FileType {
  if (entry.kind !== 'symlink') {
    return types[entry.kind] ?? FileType.Unknown;
  }
  return (
    FileType.SymbolicLink |
    (isFolder(entry) ? FileType.Directory : (types[entry.targetKind ?? 'fifo'] ?? FileType.Unknown))
  );
}

import { randomUUID } from 'node:crypto';
import * as path from 'node:path/posix';
import { type CancellationToken, EventEmitter, l10n, ProgressLocation, type Uri, window } from 'vscode';
import {
  ChangeMode,
  ChangeOwner,
  CopyFile,
  CreateFolder,
  DeleteFile,
  DownloadFiles,
  type FileEntry,
  type FileEvent,
  type FileReference,
  type FileRoot,
  ListFiles,
  MoveFile,
  SetFileCapabilities,
  type TransferProgress,
  TransferProgressType,
  type TransferResult,
  UploadFiles,
  WriteFile,
} from '../../helper/protocol/index.js';
import type { Failure, Notifier } from '../errors/notifier.js';
import type { HelperClient } from '../helperClient.js';
import { messageText } from '../text/untrusted.js';
import { contentOf, inFolder } from './addresses.js';
import type { FileNode } from './filesTree.js';
import { changedMode } from './mode.js';
import { transferIncrement, transferResultText, transferText } from './transferText.js';

/** What is done to files in roots, from the tree, by keys and by dropping. What was changed is told at once. */
export class FileActions {
  private readonly changed = new EventEmitter<FileEvent[]>();
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly helper: HelperClient,
    private readonly notifier: Notifier,
  ) {}

  /** Makes an empty file; one that is there is left alone and is an error. */
  async createFile(file: FileReference): Promise<void> {
    await this.helper.request(WriteFile, { ...file, data: '', create: true, overwrite: false });
    this.changed.fire([{ ...file, type: 'created' }]);
  }

  /** Makes an empty folder in one that is there. */
  async createFolder(folder: FileReference): Promise<void> {
    await this.helper.request(CreateFolder, folder);
    this.changed.fire([{ ...folder, type: 'created' }]);
  }

  /** Gives a file another name or place. With `overwrite`, in the place of what is there. */
  async rename(root: FileRoot, from: string, to: string, overwrite = false): Promise<void> {
    await this.helper.request(MoveFile, { root, from, to, overwrite });
    this.changed.fire([
      { root, path: from, type: 'deleted' },
      { root, path: to, type: 'created' },
    ]);
  }

  /** Moves or copies files of one root into one of its folders; what is there already is replaced after a question. */
  async putInto(root: FileRoot, files: readonly string[], folder: string, how: 'move' | 'copy'): Promise<void> {
    const elsewhere = files.filter((file) => how === 'copy' || path.dirname(file) !== folder);
    const taken = await this.names({ root, path: folder });
    const clashes = elsewhere
      .filter((file) => path.dirname(file) !== folder)
      .map((file) => path.basename(file))
      .filter((name) => taken.has(name));
    if (clashes.length > 0 && !(await mayReplace(clashes, folder))) {
      return;
    }
    await this.each(elsewhere, how === 'move' ? l10n.t('Move') : l10n.t('Copy'), async (file) => {
      // A copy beside its original gets a name of its own.
      const name = path.dirname(file) === folder ? copyName(path.basename(file), taken) : path.basename(file);
      const to = inFolder(folder, name);
      if (how === 'move') {
        await this.rename(root, file, to, true);
      } else {
        await this.helper.request(CopyFile, { root, from: file, to, overwrite: name === path.basename(file) });
        this.changed.fire([{ root, path: to, type: 'created' }]);
      }
    });
  }

  /** Deletes for good: nothing keeps what is deleted in a container. `deleted` is called for each that is gone. */
  async delete(nodes: readonly FileNode[], deleted: (node: FileNode) => Promise<void>): Promise<void> {
    await this.each(nodes, l10n.t('Delete'), async (node) => {
      const { root, path: file, entry } = node;
      await this.helper.request(DeleteFile, { root, path: file, recursive: entry.kind === 'directory' });
      this.changed.fire([{ root, path: file, type: 'deleted' }]);
      await deleted(node);
    });
  }

  /**
   * Changes modes as chmod(1) does. A symbolic mode makes another mode of each file: with `recursive` every one is
   * asked for and set by itself. Links have no mode of their own.
   * @param text octal or symbolic, see `changedMode`
   */
  async changeMode(nodes: readonly FileNode[], text: string, recursive: boolean): Promise<void> {
    const octal = /^[0-7]+$/.test(text.trim());
    const change = async (root: FileRoot, file: string, entry: FileEntry): Promise<void> => {
      const mode = changedMode(text, entry);
      if (mode !== undefined && entry.kind !== 'symlink') {
        await this.helper.request(ChangeMode, { root, path: file, mode, recursive: recursive && octal });
      }
      if (recursive && !octal && entry.kind === 'directory') {
        for (const below of (await this.helper.request(ListFiles, { root, path: file })).entries) {
          if (!below.mountPoint) {
            await change(root, inFolder(file, below.name), below);
          }
        }
      }
    };
    await this.each(nodes, l10n.t('Change the mode of'), async ({ root, path: file, entry }) => {
      await change(root, file, entry);
      this.changed.fire([{ root, path: file, type: 'changed' }]);
    });
  }

  /** @param owner as for chown(1), names of the container or numbers */
  async changeOwner(nodes: readonly FileNode[], owner: string, recursive: boolean): Promise<void> {
    await this.each(nodes, l10n.t('Change the owner of'), async ({ root, path: file }) => {
      await this.helper.request(ChangeOwner, { root, path: file, owner, recursive });
      this.changed.fire([{ root, path: file, type: 'changed' }]);
    });
  }

  /** @param text as for setcap(8); empty: none. A link is followed, as setcap does. */
  async setCapabilities(nodes: readonly FileNode[], text: string): Promise<void> {
    await this.each(nodes, l10n.t('Set the capabilities of'), async ({ root, path: file }) => {
      await this.helper.request(SetFileCapabilities, { root, path: file, capabilities: text });
      this.changed.fire([{ root, path: file, type: 'changed' }]);
    });
  }

  /** Copies files and folders of this machine into a folder of a root. */
  async upload(destination: FileReference, sources: readonly Uri[]): Promise<void> {
    const { root, path: folder } = destination;
    const names = sources.map(({ path: source }) => path.basename(source));
    const taken = await this.names(destination);
    const clashes = names.filter((name) => taken.has(name));
    if (clashes.length > 0 && !(await mayReplace(clashes, folder))) {
      return;
    }
    const files = sources.map(({ fsPath }) => fsPath);
    const title = l10n.t('Uploading to {0}', messageText(folder));
    const result = await this.transfer(title, (progress, token) =>
      this.helper.request(
        UploadFiles,
        { root, sources: files, destination: folder, overwrite: clashes.length > 0, progress },
        token,
      ),
    );
    this.changed.fire(names.map((name) => ({ root, path: inFolder(folder, name), type: 'created' })));
    tellResult(l10n.t('Uploaded {0}', transferResultText(result)), result);
  }

  /** Writes content that has no file on this machine, such as what was dropped from another one. */
  async uploadContent(file: FileReference, content: Uint8Array): Promise<void> {
    const data = Buffer.from(content).toString('base64');
    const [folder, name] = [path.dirname(file.path), path.basename(file.path)];
    if ((await this.names({ root: file.root, path: folder })).has(name) && !(await mayReplace([name], folder))) {
      return;
    }
    await this.helper.request(WriteFile, { ...file, data, create: true, overwrite: true });
    this.changed.fire([{ ...file, type: 'created' }]);
  }

  /** Copies files and folders of a root into a folder of this machine. `overwrite`: what is there already. */
  async download(root: FileRoot, paths: string[], destination: string, overwrite: boolean): Promise<void> {
    const title = l10n.t('Downloading to {0}', messageText(destination));
    const result = await this.transfer(title, (progress, token) =>
      this.helper.request(DownloadFiles, { root, paths, destination, overwrite, progress }, token),
    );
    tellResult(l10n.t('Downloaded {0}', transferResultText(result)), result);
  }

  /** Tells of changes that were made by other requests. */
  tell(events: FileEvent[]): void {
    this.changed.fire(events);
  }

  dispose(): void {
    this.changed.dispose();
  }

  private async names(folder: FileReference): Promise<Set<string>> {
    return new Set((await this.helper.request(ListFiles, contentOf(folder))).entries.map(({ name }) => name));
  }

  /** One after another; what fails is told in one notification, the rest is done. */
  private async each<T extends string | FileNode>(
    items: readonly T[],
    doing: string,
    work: (item: T) => Promise<void>,
  ): Promise<void> {
    const failures: Failure[] = [];
    await window.withProgress({ location: { viewId: 'terrarium.files' } }, async () => {
      for (const item of items) {
        try {
          await work(item);
        } catch (error) {
          failures.push({ doing: `${doing} ${typeof item === 'string' ? item : item.path}`, error });
        }
      }
    });
    this.notifier.showAll(failures);
  }

  private transfer(
    title: string,
    request: (token: string, cancellation: CancellationToken) => Promise<TransferResult>,
  ): Promise<TransferResult> {
    const token = randomUUID();
    const options = { location: ProgressLocation.Notification, title, cancellable: true };
    return Promise.resolve(
      window.withProgress(options, async (progress, cancellation) => {
        await this.helper.start();
        let last: TransferProgress | undefined;
        const subscription = this.helper.onProgress(TransferProgressType, token, (now) => {
          progress.report({ message: transferText(now), increment: transferIncrement(last, now) });
          last = now;
        });
        try {
          return await request(token, cancellation);
        } finally {
          subscription.dispose();
        }
      }),
    );
  }
}

/** The name of a copy beside its original: `hosts copy`, `hosts copy 2`, before an ending. */
function copyName(name: string, taken: ReadonlySet<string>): string {
  const { name: stem, ext } = path.parse(name);
  for (let number = 1; ; number++) {
    const candidate = `${stem} copy${number === 1 ? '' : ` ${number}`}${ext}`;
    if (!taken.has(candidate)) {
      return candidate;
    }
  }
}

/** Asks before what is in a folder already is replaced. */
async function mayReplace(names: readonly string[], folder: string): Promise<boolean> {
  const button = { title: l10n.t('Replace') };
  const question =
    names.length === 1
      ? l10n.t('Replace {0} in {1}?', names[0] ?? '', folder)
      : l10n.t('Replace {0} items in {1}?', names.length, folder);
  const detail = l10n.t('What is there now is lost: {0}', names.slice(0, 10).join(', '));
  return (
    (await window.showWarningMessage(messageText(question), { modal: true, detail: messageText(detail) }, button)) ===
    button
  );
}

function tellResult(text: string, { notes }: TransferResult): void {
  if (notes.length === 0) {
    window.setStatusBarMessage(messageText(text), 5000);
  } else {
    // Nobody waits for it to be closed.
    window.showInformationMessage(messageText(`${text}. ${notes.join(' ')}`, 900));
  }
}

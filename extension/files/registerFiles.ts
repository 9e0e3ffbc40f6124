import { commands, type Disposable, type LogOutputChannel, l10n, type Memento, window } from 'vscode';
import { type FileEntry, type FileReference, WatchFiles } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { ContainersView } from '../containers/containersView.js';
import type { Notifier } from '../errors/notifier.js';
import type { HelperClient } from '../helperClient.js';
import type { ImagesView } from '../images/imagesView.js';
import { messageText } from '../text/untrusted.js';
import { FileDragAndDrop } from './dragAndDrop.js';
import { FileActions } from './fileActions.js';
import { RootFileSystem } from './fileSystem.js';
import { FilesView } from './filesView.js';
import type { Roots } from './roots.js';
import { Watches } from './watches.js';
import { dropGoneFolders } from './workspaceFolders.js';

/** The parts of the editor that files in roots are in: the view, the file system, and what is done to files. */
export interface RootFiles extends Disposable {
  files: FilesView;
  fileActions: FileActions;
}

export function registerFiles(
  around: {
    helper: HelperClient;
    store: ContainerStore;
    containers: ContainersView;
    images: ImagesView;
    roots: Roots;
    state: Memento;
    log: LogOutputChannel;
  },
  notifier: Notifier,
): RootFiles {
  const { helper, roots, store, log } = around;
  const watches = new Watches((watched) => {
    if (helper.state.kind === 'ready') {
      helper
        .request(WatchFiles, { watched })
        .catch((error: unknown) =>
          log.warn(`Watching files: ${error instanceof Error ? error.message : String(error)}`),
        );
    }
  });
  const fileActions = new FileActions(helper, notifier);
  const fileSystem = new RootFileSystem(helper, roots, watches, (file, entry) => offerDownload(file, entry, log));
  const dragAndDrop = new FileDragAndDrop(fileActions, roots, () => files.root, notifier);
  const files = new FilesView({ ...around, watches }, dragAndDrop);
  const parts: Disposable[] = [
    files,
    fileSystem,
    fileActions,
    dropGoneFolders(store, helper, log),
    files.tree.onDidRead(({ readOnly, ...folder }) => fileSystem.learn(folder, readOnly)),
    fileActions.onDidChange((events) => {
      files.tree.take(events);
      fileSystem.tell(events);
    }),
    helper.onDidChangeState((state) => {
      if (state.kind === 'ready') {
        watches.resend();
      }
    }),
  ];
  return {
    files,
    fileActions,
    dispose: () => {
      for (const part of parts) {
        part.dispose();
      }
    },
  };
}

/** For a file that is too large for an editor. */
function offerDownload(file: FileReference, entry: FileEntry, log: LogOutputChannel): void {
  const button = { title: l10n.t('Download…') };
  const text = l10n.t('{0} has {1}: too much for an editor.', entry.name, formatBytes(entry.size));
  // The editor waits for its answer meanwhile.
  window.showInformationMessage(messageText(text), button).then(
    (answer) =>
      answer === button
        ? commands.executeCommand('terrarium.downloadFiles', { kind: 'entry', ...file, entry })
        : undefined,
    (error: unknown) => log.warn(`Notification: ${String(error)}`),
  );
}

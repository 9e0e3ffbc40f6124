import type { ExtensionContext, LogOutputChannel } from 'vscode';
import type { ChangeDocuments } from '../changes/changeDocuments.js';
import type { ChangesControl } from '../changes/changesControl.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { ContainersView } from '../containers/containersView.js';
import type { Notifier } from '../errors/notifier.js';
import type { FileActions } from '../files/fileActions.js';
import type { FilesView } from '../files/filesView.js';
import type { Roots } from '../files/roots.js';
import type { HelperClient } from '../helperClient.js';
import type { ImagesView } from '../images/imagesView.js';
import type { MachineView } from '../machine/machineView.js';
import type { RegistryAccess } from '../registry/credentials.js';
import type { Attacher } from '../terminal/attach.js';
import type { Terminals } from '../terminal/terminals.js';

/** What commands work with. */
export interface CommandContext {
  extension: ExtensionContext;
  log: LogOutputChannel;
  helper: HelperClient;
  store: ContainerStore;
  containers: ContainersView;
  images: ImagesView;
  roots: Roots;
  files: FilesView;
  fileActions: FileActions;
  changes: ChangesControl;
  changeDocuments: ChangeDocuments;
  machine: MachineView;
  terminals: Terminals;
  attacher: Attacher;
  notifier: Notifier;
  registries: RegistryAccess;
}

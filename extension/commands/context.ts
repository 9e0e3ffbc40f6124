import type { ExtensionContext, LogOutputChannel } from 'vscode';
import type { ContainerStore } from '../containers/containerStore.js';
import type { ContainersView } from '../containers/containersView.js';
import type { Notifier } from '../errors/notifier.js';
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
  machine: MachineView;
  terminals: Terminals;
  attacher: Attacher;
  notifier: Notifier;
  registries: RegistryAccess;
}

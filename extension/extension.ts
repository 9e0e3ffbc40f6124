import { readFile } from 'node:fs/promises';
import { type ExtensionContext, window } from 'vscode';
import { Inspect, InspectImage } from '../helper/protocol/index.js';
import { cgroupCommands } from './cgroups/cgroupCommands.js';
import { CgroupsView } from './cgroups/cgroupsView.js';
import { ChangeDocuments } from './changes/changeDocuments.js';
import { ChangesControl } from './changes/changesControl.js';
import { changeCommands } from './commands/changes.js';
import type { CommandContext } from './commands/context.js';
import { fileCommands } from './commands/files.js';
import { type BuiltTexts, imageCommands } from './commands/images.js';
import { inspectCommands } from './commands/inspect.js';
import { launchCommands } from './commands/launch.js';
import { lifecycleCommands } from './commands/lifecycle.js';
import { machineCommands } from './commands/machine.js';
import { registerCommands } from './commands/register.js';
import { terminalCommands } from './commands/terminals.js';
import { ContainerStore } from './containers/containerStore.js';
import { ContainersView } from './containers/containersView.js';
import { RunningCount } from './containers/statusBar.js';
import { readLog } from './documents/readLog.js';
import { TextDocuments } from './documents/textDocuments.js';
import { tellOfEnds } from './ended.js';
import { registerEntering } from './entering/registerEntering.js';
import { Notifier } from './errors/notifier.js';
import { registerFiles } from './files/registerFiles.js';
import { Roots } from './files/roots.js';
import { HelperClient } from './helperClient.js';
import { ImagesView } from './images/imagesView.js';
import { registerLedger } from './ledger/registerLedger.js';
import { registerGroupCommands } from './limits/groupCommands.js';
import { registerLimits } from './limits/registerLimits.js';
import { documentationOf } from './machine/doctorText.js';
import { MachineView } from './machine/machineView.js';
import { mountCommands } from './mounts/mountCommands.js';
import { registerNamespaces } from './namespaces/registerNamespaces.js';
import { registerNetworks } from './networks/registerNetworks.js';
import { registerOverview } from './overview/registerOverview.js';
import { podCommands } from './pods/podCommands.js';
import { PodStore } from './pods/podStore.js';
import { RegistryAccess } from './registry/credentials.js';
import { deniedCommands } from './security/deniedCommands.js';
import { DeniedStatus } from './security/deniedStatus.js';
import { registerSpecification } from './specification/registerSpecification.js';
import { Attacher } from './terminal/attach.js';
import { containerProfile } from './terminal/profile.js';
import { Terminals } from './terminal/terminals.js';
import { jsonText } from './text/untrusted.js';
import { showConnection } from './views/connectionMessage.js';
import { volumeCommands } from './volumes/volumeCommands.js';

let running: HelperClient | undefined;

/** Wires the parts together. The helper is started by the first of them that needs it. */
export function activate(extension: ExtensionContext): void {
  const log = window.createOutputChannel('Terrarium', { log: true });
  const notifier = new Notifier(log);
  const helper = new HelperClient(extension, log, process.platform);
  running = helper;
  const store = new ContainerStore(helper);
  const pods = new PodStore(helper);
  const containers = new ContainersView(store, pods, helper, log, notifier);
  const images = new ImagesView(helper, log);
  const cgroups = new CgroupsView(helper, log);
  const machine = new MachineView(helper, log);
  const roots = new Roots(store);
  const rootFiles = registerFiles(
    { helper, store, containers, images, roots, state: extension.workspaceState, log },
    notifier,
  );
  const changes = new ChangesControl(helper, store, roots, log);
  const changeDocuments = new ChangeDocuments(helper, changes);
  const terminals = new Terminals(extension.workspaceState, helper, log);
  const attacher = new Attacher(helper, terminals);
  const inspections = new TextDocuments('terrarium-inspect', async (container) =>
    jsonText(await helper.request(Inspect, { target: { container } })),
  );
  const configurations = new TextDocuments('terrarium-image', async (name) =>
    JSON.stringify((await helper.request(InspectImage, { name })).config, undefined, 2),
  );
  const built: BuiltTexts = new Map();
  const builds = new TextDocuments('terrarium-build', async (image) => built.get(image) ?? '');
  const logs = new TextDocuments('terrarium-log', (container) => readLog(helper, container));

  const manual = new TextDocuments('terrarium-doctor', async (line) =>
    documentationOf(line, await readFile(extension.asAbsolutePath('docs/doctor.md'), 'utf8')),
  );

  const namespaces = registerNamespaces(extension, { helper, store, notifier, log });
  registerEntering(extension, { helper, store, terminals, notifier });
  const context: CommandContext = {
    extension,
    log,
    helper,
    store,
    containers,
    images,
    roots,
    files: rootFiles.files,
    fileActions: rootFiles.fileActions,
    changes,
    changeDocuments,
    machine,
    terminals,
    attacher,
    notifier,
    registries: new RegistryAccess(extension, log),
  };
  const networks = registerNetworks(extension, context);
  extension.subscriptions.push(
    log,
    helper,
    store,
    pods,
    containers,
    images,
    rootFiles,
    changes,
    changeDocuments,
    cgroups,
    machine,
    terminals,
    inspections,
    configurations,
    builds,
    logs,
    manual,
    new RunningCount(store),
    new DeniedStatus(helper, store),
    showConnection(helper, [images.view, networks, namespaces, cgroups.view, machine.view], log),
    tellOfEnds(helper, notifier),
    window.registerTerminalProfileProvider(
      'terrarium.container',
      containerProfile(store, attacher, terminals, notifier),
    ),
    ...registerCommands(
      notifier,
      {
        ...launchCommands(context, pods),
        ...lifecycleCommands(context),
        ...terminalCommands(context),
        ...imageCommands(context, { configurations, builds, built }),
        ...inspectCommands(context, inspections, logs),
        ...cgroupCommands(cgroups, context),
        ...machineCommands(context, manual),
        ...fileCommands(context),
        ...changeCommands(context),
        ...mountCommands(context),
        ...deniedCommands(context),
        ...podCommands(context, pods),
        ...volumeCommands(context),
      },
      {
        'terrarium.containers': () => containers.view.selection,
        'terrarium.images': () => images.view.selection,
        'terrarium.files': () => rootFiles.files.view.selection,
      },
    ),
  );
  registerLimits(extension, helper, notifier);
  extension.subscriptions.push(...registerGroupCommands(helper, notifier));
  registerOverview(extension, { helper, store, notifier });
  registerLedger(extension, helper, notifier);
  registerSpecification(extension, helper, notifier, async (started) => {
    await attacher.attachStarted(started);
  });
}

/** Lets the helper end in order. Containers have monitors of their own and run on. */
export async function deactivate(): Promise<void> {
  await running?.stop();
}

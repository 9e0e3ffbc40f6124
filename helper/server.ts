import { homedir } from 'node:os';
import * as path from 'node:path';
import type { Connection, InitializeParams, InitializeResult } from 'vscode-languageserver/node';
import { AgentClient, agentInside } from './agent/client.js';
import { endNotice } from './container/endNotice.js';
import { prepareHostLayer } from './container/hostLayer.js';
import { allLedgersWritten } from './container/ledgers.js';
import { liveRuns, memoryLimitMet, watchLimitNotices } from './container/limitNotice.js';
import { findLocations, makeLocations } from './container/locations.js';
import { cgroupFinder, type Machine } from './container/machine.js';
import { MountWatch } from './container/mountWatch.js';
import { recover, tidyUnwatched } from './container/recover.js';
import { ContainerStore } from './container/store.js';
import { removeStrayCgroups } from './container/strayCgroups.js';
import { ThrowAways } from './container/throwAway.js';
import { ContainerWatcher } from './container/watcher.js';
import { zygoteFailure } from './doctor/zygoteFailure.js';
import { layerAgent } from './image/layerAgent.js';
import { ImageStore } from './image/store.js';
import { languageCapabilities, SpecificationLanguage } from './language/server.js';
import { watchNetworks } from './network/changes.js';
import { OutboundWatch } from './network/revival.js';
import { podTeller } from './pods/changes.js';
import {
  CallsDenied,
  CgroupsChanged,
  type ContainerSummary,
  ContainersChanged,
  DetailsSampled,
  ImagesChanged,
  LimitReached,
  LimitsChanged,
  ListenersChanged,
  MountsChanged,
  NetworksChanged,
  PodsChanged,
  StatsSampled,
  VolumesChanged,
} from './protocol/index.js';
import { routeBuilding } from './requests/building.js';
import { routeCgroups } from './requests/cgroups.js';
import { routeChanges } from './requests/changes.js';
import { routeContainers } from './requests/containers.js';
import { routeDoctor } from './requests/doctor.js';
import { routeEntering } from './requests/entering.js';
import { routeExport } from './requests/export.js';
import { routeFiles } from './requests/files.js';
import { routeGroups } from './requests/groups.js';
import { routeImages } from './requests/images.js';
import { routeInspection } from './requests/inspection.js';
import { routeLimits } from './requests/limits.js';
import { routeMounts } from './requests/mounts.js';
import { routeNamespaces } from './requests/namespaces.js';
import { routeNetworks } from './requests/networks.js';
import { routePods } from './requests/pods.js';
import { routePorts } from './requests/ports.js';
import { routeRegistry } from './requests/registry.js';
import { Router } from './requests/router.js';
import { routeSeccomp } from './requests/seccomp.js';
import { routeStatistics } from './requests/statistics.js';
import { readIdentity } from './zygote/identity.js';
import { ZygoteError } from './zygote/launch.js';
import { Zygote } from './zygote/zygote.js';

/** Where the parts that were built lie: beside this bundle. */
export interface Installation {
  stage: string;
  agent: string;
}

export function findInstallation(folder: string): Installation {
  const architecture = process.arch === 'arm64' ? 'linux-arm64' : 'linux-x64';
  return { stage: path.join(folder, 'stage', architecture, 'terrarium-stage'), agent: path.join(folder, 'agent.cjs') };
}

/** Puts the parts together. Touches no kernel object: the zygote is started by the first request that needs it. */
export function assembleMachine(installation: Installation, log: (message: string) => void): Machine {
  const uid = process.getuid?.() ?? 0;
  const locations = findLocations(process.env, homedir(), uid);
  makeLocations(locations, uid);
  const identity = readIdentity();
  const store = new ContainerStore(locations);
  const zygote = new Zygote({ stage: installation.stage, runtime: locations.runtime, identity, log });
  const agent = new AgentClient(async () => agentInside(installation.stage, await zygote.pid(), installation.agent), {
    onLog: log,
  });
  const images = new ImageStore({
    folder: locations.images,
    agent: layerAgent(agent),
    uses: async () => {
      const { records, damaged } = await store.survey();
      return [
        ...records.map(({ name, layers, imageDigest }) => ({
          container: name,
          layers,
          ...(imageDigest === undefined ? {} : { imageDigest }),
        })),
        ...damaged.map(({ name }) => ({ container: name, layers: 'unknown' as const })),
      ];
    },
  });
  return {
    locations,
    store,
    agent,
    agentFor: (inside) =>
      new AgentClient(
        () =>
          inside === undefined
            ? { program: process.execPath, args: [installation.agent] }
            : agentInside(installation.stage, inside, installation.agent),
        { onLog: log },
      ),
    images,
    zygote,
    identity,
    stage: installation.stage,
    hostLayer: (hidden) => prepareHostLayer(locations.hostLayer, hidden),
    cgroups: cgroupFinder(zygote, (access) => {
      removeStrayCgroups({ store, locations }, access).catch((error: unknown) => {
        log(`empty cgroups were not removed: ${String(error)}`);
      });
    }),
    log,
  };
}

/** Serves one client until its connection closes. `leave`: ends what must not outlast the client, and never fails. */
export function serve(connection: Connection, installation: Installation): { leave(): Promise<void> } {
  const log = (message: string) => connection.console.info(message);
  const machine = assembleMachine(installation, log);
  const router = new Router(connection, log, async (error) =>
    error instanceof ZygoteError ? zygoteFailure(error, machine.identity) : undefined,
  );

  routeContainers(router, machine);
  routeInspection(router, machine);
  routeEntering(router, machine);
  const tellMounts = (container: string) => void connection.sendNotification(MountsChanged, { container });
  const mountEvents = routeMounts(router, machine, tellMounts);
  routeNamespaces(router, machine);
  const listeners = routeNetworks(router, machine, (containers) => {
    void connection.sendNotification(ListenersChanged, { containers });
  });
  routePods(router, machine);
  routePorts(router, machine);
  routeImages(router, machine, connection);
  routeRegistry(router, machine, connection);
  routeBuilding(router, machine, connection);
  routeDoctor(router, machine);
  const files = routeFiles(router, machine, connection);
  routeExport(router, machine, connection);
  const changes = routeChanges(router, machine, connection);
  const edits = routeLimits(router, machine, (target, edit) => {
    void connection.sendNotification(LimitsChanged, { target, edit });
  });
  routeGroups(router, machine);
  const sampler = routeStatistics(router, machine, {
    brief: (stats) => void connection.sendNotification(StatsSampled, { stats }),
    detailed: (details) => void connection.sendNotification(DetailsSampled, { details }),
  });
  const cgroups = routeCgroups(router, machine, (paths) => {
    void connection.sendNotification(CgroupsChanged, { paths });
  });
  const denied = routeSeccomp(router, machine, (container, report) => {
    void connection.sendNotification(CallsDenied, { container, report });
  });
  const language = new SpecificationLanguage(connection, machine);
  const throwAways = new ThrowAways(machine);
  const limits = watchLimitNotices(machine, (notice) => void connection.sendNotification(LimitReached, notice));
  const mounts = new MountWatch(machine, {
    mounts: tellMounts,
    volumes: (volumes) => void connection.sendNotification(VolumesChanged, { volumes }),
  });
  const tellNetworks = (names: string[]) => void connection.sendNotification(NetworksChanged, { networks: names });
  const outbound = new OutboundWatch(machine, tellNetworks);
  const tellPods = podTeller(machine, (pods) => void connection.sendNotification(PodsChanged, { pods }));
  const watcher = new ContainerWatcher(machine, tellPods, (containers, before) => {
    throwAways.consider(containers);
    void tidyUnwatched(machine, containers);
    limits.follow(liveRuns(containers));
    denied.follow(containers);
    files.follow(containers);
    mounts.touch();
    mountEvents.follow();
    outbound.follow();
    language.refresh();
    void connection.sendNotification(ContainersChanged, { containers });
    void tellEnds(machine, connection, before, containers);
  });

  let networks: { dispose(): void } | undefined;
  let images: Promise<{ dispose(): void } | undefined> | undefined;
  connection.onInitialize(({ initializationOptions }: InitializeParams): InitializeResult => {
    language.begin(initializationOptions);
    edits.start();
    return { capabilities: languageCapabilities, serverInfo: { name: 'terrarium' } };
  });
  connection.onInitialized(() => {
    watcher.start();
    networks = watchNetworks(machine.locations, tellNetworks, (error) =>
      log(`networks are not watched: ${String(error)}`),
    );
    mounts.start();
    void recover(machine).catch((error: unknown) => log(`recovery: ${String(error)}`));
    images = machine.images
      .watch(() => {
        void connection.sendNotification(ImagesChanged, {});
        language.refresh();
      })
      .catch((error: unknown) => {
        // On a full disk, for one: everything else works, and ending must too.
        log(`images are not watched: ${String(error)}`);
        return undefined;
      });
  });
  connection.onShutdown(async () => {
    watcher.stop();
    mounts.stop();
    mountEvents.dispose();
    await edits.dispose();
    throwAways.stop();
    limits.dispose();
    denied.dispose();
    sampler.dispose();
    listeners.dispose();
    networks?.dispose();
    cgroups.dispose();
    language.dispose();
    changes.dispose();
    await files.dispose();
    await outbound.stop();
    (await images)?.dispose();
    await allLedgersWritten();
  });
  connection.listen();
  return {
    leave: () =>
      edits.dispose().catch((error: unknown) => log(`trials of limits were not rolled back: ${String(error)}`)),
  };
}

async function tellEnds(
  machine: Machine,
  connection: Connection,
  before: readonly ContainerSummary[],
  containers: readonly ContainerSummary[],
): Promise<void> {
  const memoryLimit = (id: string) => memoryLimitMet(machine, id);
  try {
    for (const { type, params } of await endNotice(before, containers, memoryLimit)) {
      await connection.sendNotification(type, params);
    }
  } catch (error) {
    // Removed meanwhile, for one: then nobody waits for how it ended.
    machine.log(`ends were not told: ${String(error)}`);
  }
}

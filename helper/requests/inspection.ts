import { failedLedgers } from '../container/failures.js';
import { readLedger, readOperation, summarizeLedgers } from '../container/ledgers.js';
import type { Machine } from '../container/machine.js';
import { mountsOf } from '../container/mounts.js';
import type { ContainerRecord } from '../container/record.js';
import { readLatestRun, summarize } from '../container/runs.js';
import { type LiveRun, liveRun, processesOf, processOf, runningRun } from '../container/stop.js';
import { listContainers } from '../container/watcher.js';
import { readCapabilities } from '../inspect/capabilities.js';
import { explainIdMap, formatIdMap, readIdMap } from '../inspect/idmap.js';
import { compareNamespaces, readNamespaces } from '../inspect/namespaces.js';
import { renderMarkdown } from '../ledger/markdown.js';
import { renderScript } from '../ledger/script.js';
import * as protocol from '../protocol/index.js';
import { isJoined, namespaceChoices } from '../specification/namespaces.js';
import { seccompProfile } from '../specification/seccomp.js';
import type { Router } from './router.js';

/** Requests that look: at the kernel for what runs, at the disk for what was done. */
export function routeInspection(router: Router, machine: Machine): void {
  const { store } = machine;
  const runtimeOf = async ({ container }: protocol.ContainerReference) => {
    const record = await store.find(container);
    return { record, ...runningRun(machine, record) };
  };
  const gone = (name: string) => protocol.terrariumError(protocol.ErrorCode.WrongState, `${name} has just ended`);

  router.on(protocol.InspectContainer, async ({ container }) => inspect(machine, await store.find(container)));
  router.on(protocol.ListProcesses, async (params) => processesOf(await runtimeOf(params)));
  router.on(protocol.ListNamespaces, async (params) => {
    const { record, runtime } = await runtimeOf(params);
    const own = readNamespaces(runtime.init.pid);
    const host = readNamespaces('self');
    if (own === undefined || host === undefined) throw gone(record.name);
    const others = (await listContainers(machine)).flatMap((other) => {
      const inodes = other.id === record.id || other.init === undefined ? undefined : readNamespaces(other.init.pid);
      return inodes === undefined ? [] : [{ name: other.name, inodes }];
    });
    const choices = namespaceChoices(record.specification);
    return compareNamespaces(own, host, others).map((namespace) => {
      const choice = choices[namespace.type];
      return {
        ...namespace,
        ...(isJoined(choice) ? { joined: choice } : {}),
        ...(namespace.type === 'user' ? { explanation: explainIds(runtime.init.pid) } : {}),
      };
    });
  });
  router.on(protocol.ListMounts, async (params) => {
    const record = await store.find(params.container);
    return mountsOf(record, runningRun(machine, record));
  });
  router.on(protocol.ReadCapabilities, async (params) => {
    const { record, ...run } = await runtimeOf(params);
    const { pid } = params.pid === undefined ? run.runtime.init : await processOf(run, record.name, params.pid);
    const report = readCapabilities(pid);
    if (report === undefined) throw gone(record.name);
    return report;
  });

  /** A container's ledgers, also of one whose first start failed. */
  const ledgersOf = async ({ container }: protocol.ContainerReference) => {
    const failed = await failedLedgers(machine, container);
    if (failed !== undefined) return { id: container, folder: failed };
    const { id } = await store.find(container);
    return { id, folder: store.folder(id, 'ledgers') };
  };
  router.on(protocol.ListLedgers, async (params) => {
    const { id, folder } = await ledgersOf(params);
    return summarizeLedgers(id, folder);
  });
  router.on(protocol.ReadLedger, async (params) => {
    const { id, folder } = await ledgersOf(params);
    return readLedger(id, folder, params.operation);
  });
  router.on(protocol.RenderLedger, async (params) => {
    const { id, folder } = await ledgersOf(params);
    if (params.format === 'markdown') return { text: renderMarkdown(await readLedger(id, folder, params.operation)) };
    const { plan, operation } = await readOperation(folder, params.operation);
    return { text: renderScript(plan, { container: id, operation, identity: machine.identity }) };
  });
}

/** OCI's state of a container, and beside it what people look for. */
async function inspect(machine: Machine, record: ContainerRecord): Promise<protocol.ContainerInspection> {
  const summary = await summarize(machine.store, record);
  const live = liveRun(machine, record);
  const run = readLatestRun(machine.store, record.id);
  const map = (kind: 'uid' | 'gid') => {
    const held = live === undefined ? undefined : readIdMap(live.runtime.init.pid, kind);
    return formatIdMap(held ?? (kind === 'uid' ? machine.identity.uidMappings : machine.identity.gidMappings));
  };
  return {
    ociVersion: record.config.ociVersion,
    id: record.id,
    name: record.name,
    status: summary.state,
    pid: summary.init?.pid ?? 0,
    bundle: machine.store.folder(record.id),
    annotations: record.config.annotations,
    createdAt: record.createdAt,
    ...(summary.startedAt === undefined ? {} : { startedAt: summary.startedAt }),
    ...(run?.exit === undefined
      ? {}
      : {
          finishedAt: run.exit.finishedAt,
          exitCode: run.exit.exitCode,
          signal: run.exit.signal,
          oomKilled: run.exit.oomKilled,
        }),
    root: summary.root,
    config: withSeccomp(record),
    ...(record.specification.chroot === true ? { chroot: true } : {}),
    ...(live?.runtime.cgroup === undefined ? {} : { cgroup: live.runtime.cgroup }),
    identity: {
      ...identityOf(machine, record, live),
      uidMappings: map('uid'),
      gidMappings: map('gid'),
    },
  };
}

/** Its ids: those of Terrarium, unless it has the user namespace of another. */
function identityOf(
  { identity }: Machine,
  { specification }: ContainerRecord,
  live: LiveRun | undefined,
): Pick<protocol.ContainerInspection['identity'], 'mapping' | 'explanation'> {
  const { mapping, explanation } = identity;
  if (live === undefined || !isJoined(namespaceChoices(specification).user)) return { mapping, explanation };
  const { pid } = live.runtime.init;
  const isRange = (readIdMap(pid, 'uid')?.length ?? 0) > 1;
  return { mapping: isRange ? 'range' : 'single', explanation: explainIds(pid).join(' ') };
}

/** The maps of a process in sentences, none of one that has ended. */
function explainIds(pid: number): string[] {
  return (['uid', 'gid'] as const).flatMap((kind) => {
    const map = readIdMap(pid, kind);
    const own = kind === 'uid' ? process.getuid?.() : process.getgid?.();
    return map === undefined ? [] : [explainIdMap(map, kind, own ?? -1)];
  });
}

/** The record leaves the profile out, being long and mostly the default. */
function withSeccomp(record: ContainerRecord): protocol.oci.Config {
  const seccomp = seccompProfile(record.specification, record.config.process.capabilities);
  return { ...record.config, linux: { ...record.config.linux, ...(seccomp === undefined ? {} : { seccomp }) } };
}

import { explainIdMap, formatIdMap, readIdMap } from '../inspect/idmap.js';
import type { ContainerInspection, oci } from '../protocol/index.js';
import { isJoined, namespaceChoices } from '../specification/namespaces.js';
import { seccompProfile } from '../specification/seccomp.js';
import type { Machine } from './machine.js';
import type { ContainerRecord } from './record.js';
import { readLatestRun, summarize } from './runs.js';
import { type LiveRun, liveRun } from './stop.js';

/** OCI's state of a container, and beside it what people look for. */
export async function inspectContainer(
  machine: Machine,
  record: ContainerRecord,
): Promise<ContainerInspection & { config: oci.Config }> {
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
): Pick<ContainerInspection['identity'], 'mapping' | 'explanation'> {
  const { mapping, explanation } = identity;
  if (live === undefined || !isJoined(namespaceChoices(specification).user)) return { mapping, explanation };
  const { pid } = live.runtime.init;
  const isRange = (readIdMap(pid, 'uid')?.length ?? 0) > 1;
  return { mapping: isRange ? 'range' : 'single', explanation: explainIds(pid).join(' ') };
}

/** The maps of a process in sentences, none of one that has ended. */
export function explainIds(pid: number): string[] {
  return (['uid', 'gid'] as const).flatMap((kind) => {
    const map = readIdMap(pid, kind);
    const own = kind === 'uid' ? process.getuid?.() : process.getgid?.();
    return map === undefined ? [] : [explainIdMap(map, kind, own ?? -1)];
  });
}

/** The record leaves the profile out, being long and mostly the default. */
function withSeccomp(record: ContainerRecord): oci.Config {
  const seccomp = seccompProfile(record.specification, record.config.process.capabilities);
  return { ...record.config, linux: { ...record.config.linux, ...(seccomp === undefined ? {} : { seccomp }) } };
}

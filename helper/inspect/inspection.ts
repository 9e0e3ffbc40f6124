/** One document about any process: what /proc says of it, in the words of the OCI runtime configuration. */
import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import {
  type ContainerName,
  ErrorCode,
  type InspectedId,
  type NamespaceInodes,
  type oci,
  type ProcessIdentity,
  type ProcessInspection,
  terrariumError,
} from '../protocol/index.js';
import { capabilityReport, readSecurityLabel } from './capabilities.js';
import { explainIdMap, readIdMap, toContainerId } from './idmap.js';
import { parseLimits } from './limits.js';
import { parseMountinfo } from './mountinfo.js';
import { linkNames, namespaceTypes, readNamespaces } from './namespaces.js';
import { ended, hasEnded, type PrivateParts, readEntries, whyDenied } from './privateParts.js';
import { isDenied, unlessDenied, unlessGone } from './proc.js';
import { parseCpuTime, parseStat, ticksPerSecond } from './stat.js';
import { parseStatus } from './status.js';

/** What is known beside what /proc says. */
export interface Surroundings {
  /** The helper's own namespaces. */
  host: NamespaceInodes;
  /** Our running containers, with the namespaces of their init. */
  containers: readonly (ContainerName & { namespaces: NamespaceInodes })[];
  /** The container that the process is in. */
  container: ContainerName | undefined;
}

/** How much of a command line is read. */
const longestArguments = 128 * 1024;

/**
 * Everything but the private parts. What the kernel refuses is left out, and `unreadable` says why.
 * @throws NotFound when the process has ended, or is another one by now.
 */
export function inspectProcess(identity: ProcessIdentity, surroundings: Surroundings): ProcessInspection {
  const { pid } = identity;
  const folder = unlessGone(() => openSync(`/proc/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY));
  if (folder === undefined) throw ended(pid);
  try {
    // Through one descriptor, so that all of it is about the same process.
    return read(folder, identity, surroundings);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOENT' || code === 'ESRCH' ? ended(pid) : error;
  } finally {
    closeSync(folder);
  }
}

function read(folder: number, identity: ProcessIdentity, surroundings: Surroundings): ProcessInspection {
  const proc = '/proc/self/fd';
  const file = (name: string) => readFileSync(`${proc}/${folder}/${name}`, 'utf8');
  const unreadable: Record<string, string> = {};
  /** Leaves out what is refused, and says so at its place in the document. */
  const attempt = <T>(place: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!isDenied(error)) throw error;
      unreadable[place] = whyDenied(error);
      return undefined;
    }
  };
  const statText = file('stat');
  const stat = parseStat(statText);
  if (stat.startTime !== identity.startTime) throw ended(identity.pid);
  const status = parseStatus(file('status'));
  const namespaces = attempt('linux.namespaces', () => readNamespaces(folder, proc));
  const isZombie = stat.state === 'Z' || stat.state === 'X';
  /** A zombie has given its memory and files back, and kernel threads never had a program: the link leads nowhere. */
  const link = (place: string, name: string) =>
    attempt(place, () => {
      const target = unlessMissing(() => readlinkSync(`${proc}/${folder}/${name}`));
      if (target === undefined) unreadable[place] = isZombie ? hasEnded : 'A kernel thread has none.';
      return target;
    });
  const [cwd, executable, rootPath] = [
    link('process.cwd', 'cwd'),
    link('process.executable', 'exe'),
    link('root', 'root'),
  ];
  const mounts = attempt('mounts', () => readMountsUnlessEnding(() => file('mountinfo')));
  if (mounts === undefined) unreadable.mounts ??= hasEnded;
  const uidMappings = readIdMap(folder, 'uid', proc);
  const gidMappings = readIdMap(folder, 'gid', proc);
  const inOurs = namespaces?.user !== undefined && namespaces.user === surroundings.host.user;
  const ids = (map: readonly oci.IdMapping[] | undefined) => (outside: number) =>
    inspectedId(outside, inOurs ? undefined : (map ?? []));
  const [uid, gid] = [ids(uidMappings), ids(gidMappings)];
  const cpu = parseCpuTime(statText);
  const label = readSecurityLabel(folder, proc);
  const capabilities = capabilityReport(status).sets;
  const args = readEntries(`${proc}/${folder}/cmdline`, longestArguments);
  if (args.cut) unreadable['process.args'] = `Cut after ${longestArguments} bytes.`;
  const rootMount = mounts?.findLast(({ destination }) => destination === '/');
  return {
    identity,
    ...(surroundings.container === undefined ? {} : { container: surroundings.container }),
    name: stat.command,
    state: stat.state,
    startedAt: new Date(bootTime() + (stat.startTime / ticksPerSecond) * 1000).toISOString(),
    pids: status.pids,
    parents: readParents(stat.parentPid),
    process: {
      args: args.entries,
      ...(cwd === undefined ? {} : { cwd }),
      ...(executable === undefined ? {} : { executable }),
      user: fourIds(status.uids, uid),
      group: fourIds(status.gids, gid),
      additionalGids: status.groups.map(gid),
      ...(status.umask === undefined ? {} : { umask: status.umask }),
      capabilities,
      noNewPrivileges: status.noNewPrivileges,
      rlimits: parseLimits(file('limits')),
      oomScoreAdj: Number(file('oom_score_adj')),
      ...(label === undefined ? {} : { securityLabel: label }),
    },
    ...(rootPath === undefined || rootMount === undefined
      ? {}
      : {
          root: {
            path: rootPath,
            readonly: rootMount.options.includes('ro') || rootMount.superOptions.includes('ro'),
          },
        }),
    ...(mounts === undefined ? {} : { mounts }),
    linux: {
      ...(namespaces === undefined ? {} : { namespaces: inspectedNamespaces(identity.pid, namespaces, surroundings) }),
      ...(uidMappings === undefined ? {} : { uidMappings }),
      ...(gidMappings === undefined ? {} : { gidMappings }),
      ...(uidMappings === undefined || gidMappings === undefined
        ? {}
        : { mappingExplanation: explainMaps(inOurs, uidMappings, gidMappings) }),
      ...optional(
        'timeOffsets',
        unlessDenied(() => unlessMissing(() => parseTimeOffsets(file('timens_offsets')))),
      ),
      cgroups: parseCgroups(file('cgroup')),
      seccomp: {
        mode: (['disabled', 'strict', 'filter'] as const)[status.seccomp] ?? 'filter',
        ...(status.seccompFilters === undefined ? {} : { filters: status.seccompFilters }),
      },
    },
    usage: {
      threads: stat.threads,
      residentBytes: status.rssBytes,
      cpuUserMicroseconds: (cpu.user / ticksPerSecond) * 1e6,
      cpuSystemMicroseconds: (cpu.system / ticksPerSecond) * 1e6,
    },
    unreadable,
  };
}

function optional<K extends string, T>(name: K, value: T | undefined): { [P in K]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { [P in K]?: T };
}

/** Adds what an agent or the helper itself could read of the private parts. */
export function withPrivateParts(inspection: ProcessInspection, parts: PrivateParts): ProcessInspection {
  const { sysctl, otherNamespaces, notEntered, unreadable } = parts;
  const left = otherNamespaces.join(', ');
  const reasons = {
    'process.env': unreadable.environment,
    files: unreadable.files,
    'usage.readBytes': unreadable.io,
    'linux.sysctl':
      left && `Not those of these namespaces, to which one would have to go: ${left}. ${notEntered ?? ''}`.trim(),
  };
  return {
    ...inspection,
    process: { ...inspection.process, ...optional('env', parts.environment) },
    linux: { ...inspection.linux, ...(Object.keys(sysctl).length === 0 ? {} : { sysctl }) },
    usage: { ...inspection.usage, ...parts.io },
    ...optional('files', parts.files),
    unreadable: {
      ...inspection.unreadable,
      ...Object.fromEntries(Object.entries(reasons).flatMap(([place, reason]) => (reason ? [[place, reason]] : []))),
    },
  };
}

/** A link that leads nowhere, of a process that is there. */
function unlessMissing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A process that ends gives its mount namespace back before its pid: EINVAL is the kernel's word for that. */
function readMountsUnlessEnding(text: () => string) {
  try {
    return parseMountinfo(text());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}

function inspectedId(outside: number, map: readonly oci.IdMapping[] | undefined): InspectedId {
  // Of a process in our own user namespace the map tells how that one's parent sees it, which is no outside to us.
  const inside = map === undefined ? outside : toContainerId(map, outside);
  return { outside, ...(inside === undefined ? {} : { inside }) };
}

function fourIds(ids: readonly [number, number, number, number], inspected: (id: number) => InspectedId) {
  const [real, effective, saved, fileSystem] = ids;
  return {
    real: inspected(real),
    effective: inspected(effective),
    saved: inspected(saved),
    fileSystem: inspected(fileSystem),
  };
}

function explainMaps(inOurs: boolean, uids: readonly oci.IdMapping[], gids: readonly oci.IdMapping[]): string[] {
  if (inOurs) return ['It is in the user namespace of Terrarium itself: its ids are the same inside and outside.'];
  return [explainIdMap(uids, 'uid', process.getuid?.() ?? -1), explainIdMap(gids, 'gid', process.getgid?.() ?? -1)];
}

function inspectedNamespaces(pid: number, inodes: NamespaceInodes, { host, containers }: Surroundings) {
  return namespaceTypes.flatMap((type) => {
    const inode = inodes[type];
    if (inode === undefined) return [];
    const sharing = containers
      .filter(({ namespaces }) => namespaces[type] === inode)
      .map(({ id, name }) => ({ id, name }));
    const relation = inode === host[type] ? 'host' : sharing.length > 0 ? 'container' : 'other';
    return [{ type, path: `/proc/${pid}/ns/${linkNames[type]}`, inode, relation, containers: sharing } as const];
  });
}

/** Up to the first process of our pid namespace; the kernel shows 0 for a parent outside of it. */
function readParents(first: number): ProcessInspection['parents'] {
  const parents: ProcessInspection['parents'] = [];
  for (let pid = first; pid > 0 && !parents.some(({ identity }) => identity.pid === pid); ) {
    const parent = unlessGone(() => {
      const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      const { entries } = readEntries(`/proc/${pid}/cmdline`, 4096);
      return { stat, command: entries.join(' ') || `[${stat.command}]` };
    });
    if (parent === undefined) break;
    parents.push({ identity: { pid, startTime: parent.stat.startTime }, command: parent.command });
    pid = parent.stat.parentPid;
  }
  return parents;
}

/** `monotonic 5 0`, as offsets of the time namespace that its children will be in. proc_pid_timens_offsets(5) */
export function parseTimeOffsets(text: string): NonNullable<ProcessInspection['linux']['timeOffsets']> {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  return Object.fromEntries(
    lines.flatMap(([clock = '', secs, nanosecs]) =>
      clock === '' ? [] : [[clock, { secs: Number(secs), nanosecs: Number(nanosecs) }]],
    ),
  );
}

/** The group in each hierarchy, by its controllers; as seen from our own cgroup namespace. cgroups(7) */
export function parseCgroups(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split('\n')) {
    // A group's name may hold colons.
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers !== undefined && path !== undefined) found[controllers] = path;
  }
  return found;
}

/** Milliseconds since the epoch at which this machine was started. */
function bootTime(): number {
  const seconds = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1];
  if (seconds === undefined) throw terrariumError(ErrorCode.Internal, '/proc/stat has no btime');
  return Number(seconds) * 1000;
}

/** Which of our containers, and which other program that makes sandboxes, a process belongs to. Pure. */
import type { ContainerName, NamespaceInodes } from '../protocol/index.js';

/** What of a process tells where it belongs. */
export interface Member {
  identity: { pid: number };
  parentPid: number;
  /** At most 15 bytes. */
  name: string;
  namespaces: NamespaceInodes;
}

export interface KnownContainer extends ContainerName {
  initPid: number;
}

/**
 * The container of each process that is in one, by pid. A container's mount namespace is never shared, its pid namespace
 * may be; what descends from a process of a container is in it too, whatever namespaces it has made itself.
 */
export function containersByPid(
  members: readonly Member[],
  containers: readonly KnownContainer[],
  host: NamespaceInodes,
): Map<number, ContainerName> {
  const byPid = new Map(members.map((member) => [member.identity.pid, member]));
  const owners = new Map<string, ContainerName | undefined>();
  for (const { id, name, initPid } of containers) {
    const namespaces = byPid.get(initPid)?.namespaces;
    for (const type of ['mount', 'pid'] as const) {
      const inode = namespaces?.[type];
      if (inode === undefined || inode === host[type]) continue;
      const key = `${type} ${inode}`;
      // Of two containers, so it tells nothing.
      owners.set(key, owners.has(key) ? undefined : { id, name });
    }
  }
  const found = new Map<number, ContainerName>();
  for (const member of members) {
    const container = firstAlong(
      member,
      byPid,
      ({ namespaces }) => owners.get(`mount ${namespaces.mount}`) ?? owners.get(`pid ${namespaces.pid}`),
    );
    if (container !== undefined) found.set(member.identity.pid, container);
  }
  return found;
}

/** Programs that make sandboxes and stay: in the sandbox, or outside as its parent. Names as in /proc/PID/comm. */
const runtimes: readonly (readonly [RegExp, string])[] = [
  [/^(bwrap|unshare|nsenter|conmon|crun|runc|podman|buildah|firejail|rootlesskit|flatpak|pasta|slirp4netns)$/, '$1'],
  [/^(apptainer|singularity|snap-confine|systemd-nspawn|catatonit|dockerd|docker-init|lxc-start|runsc|youki)$/, '$1'],
  [/^systemd-nspaw$/, 'systemd-nspawn'],
  [/^containerd-shim.*$/, 'containerd'],
];

/** The nearest such program at or above each process that is not in all of the host's namespaces, by pid. */
export function runtimesByPid(members: readonly Member[], host: NamespaceInodes): Map<number, string> {
  const byPid = new Map(members.map((member) => [member.identity.pid, member]));
  const found = new Map<number, string>();
  for (const member of members) {
    const types = Object.keys(member.namespaces) as (keyof NamespaceInodes)[];
    if (types.every((type) => member.namespaces[type] === host[type])) continue;
    const runtime = firstAlong(member, byPid, ({ name }) => runtimeNamed(name));
    if (runtime !== undefined) found.set(member.identity.pid, runtime);
  }
  return found;
}

function runtimeNamed(name: string): string | undefined {
  for (const [pattern, runtime] of runtimes) if (pattern.test(name)) return name.replace(pattern, runtime);
  return undefined;
}

/** What `tell` says of the process, else of its parent, and so on. */
function firstAlong<T>(
  start: Member,
  byPid: ReadonlyMap<number, Member>,
  tell: (member: Member) => T | undefined,
): T | undefined {
  // Parents are read one by one while pids are given anew: a circle must not be walked for ever.
  const seen = new Set<number>();
  for (
    let member: Member | undefined = start;
    member !== undefined && !seen.has(member.identity.pid);
    member = byPid.get(member.parentPid)
  ) {
    const told = tell(member);
    if (told !== undefined) return told;
    seen.add(member.identity.pid);
  }
  return undefined;
}

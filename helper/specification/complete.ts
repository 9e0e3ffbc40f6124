import type { ContainerSpecification, oci } from '../protocol/index.js';
import { capability, containerCapabilities } from '../security/capabilities.js';
import type { Identity } from '../zygote/identity.js';
import { namespaceChoices, namespacesOf } from './namespaces.js';

/** What has to be known of the machine and the root to complete a specification. Reading it is the caller's work. */
export interface SpecificationFacts {
  name: string;
  /** Absolute path of the container's mount point for its root. */
  rootPath: string;
  identity: Identity;
  /** The user, resolved inside the root. */
  user: { uid: number; gid: number; additionalGids: number[]; home: string };
  /** From the image's configuration. */
  image?: { env: string[]; args: string[]; cwd?: string } | undefined;
  /** cgroup2 can be mounted inside. */
  cgroupMount: boolean;
  /** Of the named network that it is to be in. */
  networkFiles?: { hosts: string; resolver: string };
  /** The host has /dev/mqueue, to be seen by who shares its IPC namespace. */
  hostQueues: boolean;
}

export const defaultMaskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
  '/sys/fs/selinux',
];
export const defaultReadonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** user_namespaces(7): a count of the container's own, below that of the machine. */
const noUserNamespaces = { 'user.max_user_namespaces': '0' };
/**
 * Who has somebody to reach may ping them: sockets of that kind are otherwise refused to everybody, icmp(7). Of the groups
 * inside only root's is sure to be mapped.
 */
const pingable = { 'net.ipv4.ping_group_range': '0 0' };

/** Where programs are looked for. */
export const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Fills in every default but the seccomp profile, which is long and always the same: see seccomp.ts. Pure: the same
 * question has the same answer.
 */
export function completeConfig(specification: ContainerSpecification, facts: SpecificationFacts): oci.Config {
  const args = specification.args ?? facts.image?.args ?? [];
  const terminal = specification.terminal ?? false;
  const privileges = containerCapabilities(specification.capabilities ?? {});
  const asked = (specification.capabilities?.add ?? []).map((name) => capability(name).name);
  const ambient = facts.user.uid === 0 ? [] : privileges.filter((name) => asked.includes(name));
  const connected = specification.network?.kind === 'bridge';
  const sysctl = {
    ...(connected ? pingable : {}),
    ...specification.sysctl,
    ...(specification.nestedNamespaces === false ? noUserNamespaces : {}),
  };
  return {
    ociVersion: '1.1.0',
    hostname: specification.hostname ?? facts.name,
    root: { path: facts.rootPath, readonly: specification.writable === 'none' },
    process: {
      terminal,
      args,
      cwd: specification.cwd ?? facts.image?.cwd ?? '/',
      env: mergeEnvironment([
        defaultPath,
        `HOME=${facts.user.home}`,
        ...(terminal ? ['TERM=xterm-256color'] : []),
        ...(facts.image?.env ?? []),
        ...(specification.env ?? []),
      ]),
      user: {
        uid: facts.user.uid,
        gid: facts.user.gid,
        ...(facts.user.additionalGids.length > 0 ? { additionalGids: facts.user.additionalGids } : {}),
      },
      capabilities: {
        bounding: privileges,
        // A process that is not root keeps nothing but what was asked for by name (through the ambient set).
        effective: facts.user.uid === 0 ? privileges : ambient,
        permitted: facts.user.uid === 0 ? privileges : ambient,
        // CVE-2022-27650: nothing is inheritable by default; ambient ones must be.
        inheritable: ambient,
        ambient,
      },
      ...(specification.rlimits ? { rlimits: specification.rlimits } : {}),
      noNewPrivileges: specification.noNewPrivileges ?? true,
      ...(specification.oomScoreAdj !== undefined ? { oomScoreAdj: specification.oomScoreAdj } : {}),
    },
    mounts: [...defaultMounts(specification, facts), ...userMounts(specification)],
    linux: {
      namespaces: namespacesOf(specification).map((type) => ({ type })),
      uidMappings: facts.identity.uidMappings,
      gidMappings: facts.identity.gidMappings,
      ...(specification.timeOffsets ? { timeOffsets: specification.timeOffsets } : {}),
      ...(Object.keys(sysctl).length > 0 ? { sysctl } : {}),
      ...(specification.resources ? { resources: specification.resources } : {}),
      rootfsPropagation: 'private',
      // With chroot alone nothing else is hidden: that is what it is there to show.
      maskedPaths: specification.maskedPaths ?? (specification.chroot === true ? [] : defaultMaskedPaths),
      readonlyPaths: specification.readonlyPaths ?? (specification.chroot === true ? [] : defaultReadonlyPaths),
    },
    annotations: specification.annotations ?? {},
  };
}

const hidden = ['nosuid', 'noexec', 'nodev'];

/** What shows the host's namespaces. */
const hostMounts = {
  pid: { destination: '/proc', type: 'bind', source: '/proc', options: ['rbind', ...hidden] },
  ipc: { destination: '/dev/mqueue', type: 'bind', source: '/dev/mqueue', options: ['rbind', ...hidden] },
  network: { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', ...hidden, 'ro'] },
} satisfies Partial<Record<oci.NamespaceType, oci.Mount>>;

const nameServers: oci.Mount = {
  destination: '/etc/resolv.conf',
  type: 'bind',
  source: '/etc/resolv.conf',
  // Nothing can be made in a root that may not be written; without name servers it still runs.
  options: ['bind', 'ro', 'nosuid', 'nodev', 'nofail'],
};

/**
 * The configuration of a container that joins somebody who, as it turns out at the start, has some of the host's namespaces:
 * then it has the host's, too. Pure.
 */
export function withHostNamespaces(
  config: oci.Config,
  shared: readonly oci.NamespaceType[],
  { root = { kind: 'host' } }: Pick<ContainerSpecification, 'root'>,
): oci.Config {
  if (shared.length === 0) return config;
  const hostView = (mount: oci.Mount): oci.Mount[] => {
    if (mount.type === 'proc' && shared.includes('pid')) return [hostMounts.pid];
    if (mount.type === 'mqueue' && shared.includes('ipc'))
      return [{ ...hostMounts.ipc, options: ['nofail', ...hostMounts.ipc.options] }];
    if (mount.type === 'sysfs' && shared.includes('network')) return [hostMounts.network];
    // The host's /sys has its cgroups, the host's cgroup namespace none of its own.
    if (mount.type === 'cgroup2' && (shared.includes('network') || shared.includes('cgroup'))) return [];
    return [mount];
  };
  const namesNeeded = shared.includes('network') && root.kind !== 'host';
  return {
    ...config,
    mounts: [...config.mounts.flatMap(hostView), ...(namesNeeded ? [nameServers] : [])],
    linux: { ...config.linux, namespaces: config.linux.namespaces.filter(({ type }) => !shared.includes(type)) },
  };
}

function defaultMounts(specification: ContainerSpecification, facts: SpecificationFacts): oci.Mount[] {
  const choices = namespaceChoices(specification);
  const own = (type: oci.NamespaceType) => choices[type] !== 'host';
  const terminalGroup = facts.identity.mapping === 'range' ? ['gid=5'] : [];
  const mounts: oci.Mount[] = [
    // A proc, sysfs or mqueue may be mounted only by who owns the namespace it shows: of the host's, the host's is bound.
    own('pid') ? { destination: '/proc', type: 'proc', source: 'proc', options: hidden } : hostMounts.pid,
    // Mode 755: in a sticky, world-writable folder O_CREAT on a device is refused (EACCES) even to root.
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...terminalGroup],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: [...hidden, 'mode=1777', 'size=65536k'],
    },
    ...(own('ipc')
      ? [{ destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: hidden }]
      : facts.hostQueues
        ? [hostMounts.ipc]
        : []),
    own('network')
      ? { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...hidden, 'ro'] }
      : hostMounts.network,
  ];
  if (facts.cgroupMount && own('cgroup') && own('network')) {
    mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup2', source: 'cgroup', options: [...hidden, 'ro'] });
  }
  if ((specification.root ?? { kind: 'host' }).kind === 'host') {
    mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777'] });
    mounts.push({ destination: '/run', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=755'] });
  } else if (choices.network === 'host') {
    mounts.push(nameServers);
  }
  const { networkFiles } = facts;
  if (networkFiles !== undefined) {
    for (const [destination, source] of [
      ['/etc/hosts', networkFiles.hosts],
      ['/etc/resolv.conf', networkFiles.resolver],
    ] as const) {
      // Read-only, for all containers of the network see this one file: none may tell the others who is who.
      mounts.push({ destination, type: 'bind', source, options: ['bind', 'ro', 'nosuid', 'nodev', 'nofail'] });
    }
  }
  return mounts;
}

/** Binds get nosuid and nodev whatever was asked: a setuid file of the host must not count inside. */
export function userMounts(specification: Pick<ContainerSpecification, 'mounts'>): oci.Mount[] {
  return (specification.mounts ?? []).map((mount) => {
    const type = mount.type ?? (mount.source === undefined ? 'tmpfs' : 'bind');
    const asked = (mount.options ?? []).filter((option) => !/^r?(no)?(suid|dev)$/.test(option));
    const recursive =
      (type === 'bind' || type === 'volume') && !asked.includes('bind') && !asked.includes('rbind') ? ['rbind'] : [];
    const options = [...asked, 'nosuid', 'nodev', ...recursive];
    return { destination: mount.destination, type, source: mount.source ?? type, options };
  });
}

/** Later variables win; each name appears once, at its first place. */
export function mergeEnvironment(variables: readonly string[]): string[] {
  const byName = new Map<string, string>();
  // An image may hold one without a value.
  for (const variable of variables) byName.set(variable.split('=', 1)[0] ?? variable, variable);
  return [...byName.values()];
}

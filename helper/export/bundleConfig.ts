import { recursively } from '../plan/mountOptions.js';
import type { ContainerSpecification, oci } from '../protocol/index.js';
import { portableProfile } from '../security/seccomp/portable.js';
import { isJoined } from '../specification/namespaces.js';
import { seccompProfile } from '../specification/seccomp.js';
import { namespaceOfSysctl } from '../specification/sysctl.js';

export interface BundleConfig {
  config: oci.Config;
  /** What is different from the container, in sentences. */
  notes: string[];
}

/** What a shell is called where a container has no command. */
const shell = ['/bin/sh'];

/** Seen of crun 1.8.1 and runc 1.1.5, run by an ordinary user in a login session. */
const limitsNote =
  'Limits are in force where the runtime may make control groups: with --systemd-cgroup on cgroup v2. Otherwise crun passes over them, and runc refuses to run the bundle: export it without limits for that.';

/**
 * A configuration that other runtimes (crun, runc) run as it is, by the same user: runtime-spec config.md. Its id mappings
 * are those of the user, who needs them again where it is run. It has no cgroupsPath: what that means depends on how the
 * runtime manages cgroups, and each has a default that an ordinary user may use. Pure.
 * @param limits whether it has the container's limits, too
 */
export function bundleConfig(
  specification: ContainerSpecification,
  config: oci.Config,
  limits: boolean = true,
): BundleConfig {
  const notes: string[] = [];
  const { resources, sysctl = {}, ...linux } = config.linux;
  const isUsers = ([key]: [string, string]) => namespaceOfSysctl(key) === 'user';
  const left = Object.entries(sysctl).filter(isUsers);
  const kept = Object.entries(sysctl).filter((setting) => !isUsers(setting));
  if (left.length > 0) {
    notes.push(
      `Other runtimes refuse settings of the user namespace: ${left.map(([key]) => key).join(', ')} left out.`,
    );
  }
  const isLimited = resources !== undefined && Object.keys(resources).length > 0;
  if (isLimited) notes.push(limits ? limitsNote : 'Limits are left out.');
  if (specification.group !== undefined) {
    notes.push(`The bundle is in no group: limits of the group ${specification.group} are not in it.`);
  }
  if (config.process.args.length === 0) {
    notes.push('The container has no command of its own: the bundle runs /bin/sh.');
  }
  const joined = Object.entries(specification.namespaces ?? {}).flatMap(([type, choice]) =>
    isJoined(choice) ? type : [],
  );
  if (joined.length > 0)
    notes.push(`Namespaces of others are not joined (${joined.join(', ')}): the bundle has new ones.`);
  if (specification.network?.kind === 'process') {
    notes.push('The network of the process is not shared: the bundle has one of its own.');
  }
  if (specification.network?.kind === 'container') {
    notes.push('The network of the other container is not shared: the bundle has one of its own.');
  }
  if (specification.network?.kind === 'bridge') {
    notes.push(`The bundle is not connected to the network ${specification.network.network}: it has only lo.`);
  }
  if ((specification.ports ?? []).length > 0) notes.push('No port is published: runtimes leave that to others.');
  if (specification.chroot === true) notes.push('The root is changed with pivot_root instead of chroot.');
  if (specification.init === true) notes.push('There is no init in front of the command.');
  const binds = (specification.mounts ?? []).flatMap(({ source, type }) =>
    source !== undefined && (type ?? 'bind') === 'bind' ? [source] : type === 'volume' ? [`volume ${source}`] : [],
  );
  if (binds.length > 0) notes.push(`Folders of this machine are mounted as before: ${binds.join(', ')}.`);
  const profile = seccompProfile(specification, config.process.capabilities);
  const seccomp = profile && portableProfile(profile);
  if (seccomp !== undefined && seccomp.different.length > 0) {
    notes.push(
      `Other runtimes let a seccomp rule without conditions decide alone about: ${seccomp.different.join(', ')}.`,
    );
  }
  return {
    config: {
      ...config,
      root: { path: 'rootfs', readonly: config.root.readonly },
      process: { ...config.process, args: config.process.args.length === 0 ? shell : config.process.args },
      mounts: config.mounts.filter((mount) => !isOfNetwork(mount, specification)).map(portableMount),
      linux: {
        ...linux,
        ...(isLimited && limits ? { resources } : {}),
        ...(kept.length > 0 ? { sysctl: Object.fromEntries(kept) } : {}),
        ...(seccomp === undefined ? {} : { seccomp: seccomp.profile }),
      },
    },
    notes,
  };
}

/** The files of a network that the bundle is not in; one that was asked for stays. */
function isOfNetwork({ destination }: oci.Mount, { network, mounts = [] }: ContainerSpecification): boolean {
  return (
    network?.kind === 'bridge' &&
    ['/etc/hosts', '/etc/resolv.conf'].includes(destination) &&
    !mounts.some((mount) => mount.destination === destination)
  );
}

/** Names and options that are Terrarium's own, and what other runtimes set only at the top unless told otherwise. */
function portableMount({ options, ...mount }: oci.Mount): oci.Mount {
  const isRecursive = mount.type === 'bind' && options?.includes('rbind') === true;
  const known = options?.filter((option) => option !== 'nofail');
  return {
    ...mount,
    // runtime-spec's name, whatever the version.
    ...(mount.type === 'cgroup2' ? { type: 'cgroup' } : {}),
    ...(known === undefined ? {} : { options: isRecursive ? recursively(known) : known }),
  };
}

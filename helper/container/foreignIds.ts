import { formatIdMap, toHostId } from '../inspect/idmap.js';
import { ErrorCode, type oci, terrariumError } from '../protocol/index.js';

/** Of a user namespace, with the ids outside as this machine has them. */
export interface IdMaps {
  uidMappings: oci.IdMapping[];
  gidMappings: oci.IdMapping[];
}

/** The group of terminals, where there is one: what devpts is mounted with by default. */
const terminalGroup = 5;

/**
 * A configuration in a user namespace that is there already, with the ids it has. Pure.
 * @throws Unavailable when it lacks the user
 */
export function withForeignIds(config: oci.Config, { uidMappings, gidMappings }: IdMaps): oci.Config {
  const { uid, gid, additionalGids = [] } = config.process.user;
  const lacking =
    toHostId(uidMappings, uid) === undefined
      ? `user ${uid}`
      : [gid, ...additionalGids].some((one) => toHostId(gidMappings, one) === undefined)
        ? 'one of the groups'
        : undefined;
  if (lacking !== undefined) {
    throw terrariumError(ErrorCode.Unavailable, `The user namespace that is joined has not ${lacking}`, {
      cause: `Its users are ${formatIdMap(uidMappings)}, its groups ${formatIdMap(gidMappings)} (inside, outside, how many).`,
      fix: 'Run the command as one of them, or in a new user namespace.',
    });
  }
  const hasTerminals = toHostId(gidMappings, terminalGroup) !== undefined;
  const withoutGroup = (mount: oci.Mount): oci.Mount => ({
    ...mount,
    options: (mount.options ?? []).filter((option) => option !== `gid=${terminalGroup}`),
  });
  return {
    ...config,
    mounts: config.mounts.map((mount) => (mount.type !== 'devpts' || hasTerminals ? mount : withoutGroup(mount))),
    linux: {
      ...config.linux,
      namespaces: config.linux.namespaces.filter(({ type }) => type !== 'user'),
      uidMappings,
      gidMappings,
    },
  };
}

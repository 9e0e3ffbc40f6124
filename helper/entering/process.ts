/** What runs in the namespaces that are entered: command, ids, environment, privileges. */

import { toContainerId } from '../inspect/idmap.js';
import type { RootReader } from '../inspect/root.js';
import { resolveUser } from '../inspect/user.js';
import { capabilityNamesOf, ErrorCode, type ExecSpecification, type oci, terrariumError } from '../protocol/index.js';
import { containerCapabilities } from '../security/capabilities.js';
import { defaultPath, mergeEnvironment } from '../specification/complete.js';
import type { Target } from './target.js';

/** Ids of a user namespace, outside as we see them. */
export type IdMaps = Pick<Target, 'uidMappings' | 'gidMappings'>;

const sameIds: oci.IdMapping[] = [
  { containerID: 0, hostID: 0, size: 1 },
  { containerID: 1, hostID: 1, size: 2 ** 32 - 2 },
];
/** Where no user namespace is entered, ids are what they are. */
export const ownMaps: IdMaps = { uidMappings: sameIds, gidMappings: sameIds };

/** A process to start; without a user the ids stay as they are. */
export type EnteringProcess = Omit<oci.Process, 'user'> & { user?: oci.User | undefined };

/** What an entering process has unless something else is asked for. */
export type BaseProcess = Omit<EnteringProcess, 'args' | 'terminal' | 'consoleSize'>;

/**
 * The same ids and privileges as the process that is entered; of its environment, which may hold secrets, nothing.
 * @param available capabilities that can be had: all in a user namespace that is entered, else those that we have ourselves
 */
export function baseOfTarget(
  { status }: Pick<Target, 'status'>,
  { uidMappings, gidMappings }: IdMaps,
  available = ~0n,
): BaseProcess {
  const uid = toContainerId(uidMappings, status.uids[1]);
  const gid = toContainerId(gidMappings, status.gids[1]);
  const bounding = capabilityNamesOf(status.capabilities.bounding & available);
  const kept = uid === 0 ? bounding : [];
  return {
    cwd: '/',
    env: [defaultPath],
    ...(uid === undefined || gid === undefined
      ? {}
      : {
          user: {
            uid,
            gid,
            additionalGids: status.groups.flatMap((group) => toContainerId(gidMappings, group) ?? []),
            ...(status.umask === undefined ? {} : { umask: Number.parseInt(status.umask, 8) }),
          },
        }),
    capabilities: { bounding, effective: kept, permitted: kept, inheritable: [], ambient: [] },
    noNewPrivileges: status.noNewPrivileges,
  };
}

/**
 * The process as it is asked for. `args` are empty for a shell, which the caller finds.
 * @param root whose users are meant
 * @param maps of the user namespace that it will be in
 * @throws Invalid, NotFound for users; Unavailable for ids that are not mapped
 */
export async function processAsked(
  base: BaseProcess,
  asked: ExecSpecification,
  root: RootReader,
  maps: IdMaps,
): Promise<EnteringProcess & { shell?: string | undefined }> {
  const found =
    asked.user === undefined && base.user === undefined
      ? undefined
      : await resolveUser(asked.user ?? String(base.user?.uid), root);
  if (asked.user !== undefined && found !== undefined) checkMapped(found, maps);
  const user =
    asked.user === undefined || found === undefined
      ? base.user
      : { uid: found.uid, gid: found.gid, additionalGids: found.additionalGids };
  const terminal = asked.terminal ?? false;
  return {
    ...base,
    user,
    terminal,
    ...(asked.consoleSize === undefined ? {} : { consoleSize: asked.consoleSize }),
    args: asked.args ?? [],
    cwd: asked.cwd ?? base.cwd,
    env: environmentAsked(base.env, asked, found?.home),
    capabilities: capabilitiesAsked(base.capabilities, asked, user?.uid),
    shell: found?.shell,
  };
}

/** The environment of a process that enters: later ones replace earlier ones. `home` is its user's, if that was looked up. Pure. */
export function environmentAsked(
  base: readonly string[],
  { terminal, env }: Pick<ExecSpecification, 'terminal' | 'env'>,
  home: string | undefined,
): string[] {
  return mergeEnvironment([
    ...base,
    ...(terminal === true ? ['TERM=xterm-256color'] : []),
    ...(home === undefined ? [] : [`HOME=${home}`]),
    ...(env ?? []),
  ]);
}

/** Pure. @throws Invalid for an unknown name */
export function capabilitiesAsked(
  base: oci.CapabilitySets,
  asked: Pick<ExecSpecification, 'capabilities' | 'user'>,
  uid: number | undefined,
): oci.CapabilitySets {
  if (asked.capabilities !== undefined) {
    const chosen = containerCapabilities({ add: asked.capabilities }, []);
    // execve(2) takes all from who is not root but what is ambient.
    const kept = uid === 0 ? [] : chosen;
    return { bounding: chosen, effective: chosen, permitted: chosen, inheritable: kept, ambient: kept };
  }
  if (asked.user === undefined) return base;
  const kept = uid === 0 ? base.bounding : [];
  return { bounding: base.bounding, effective: kept, permitted: kept, inheritable: [], ambient: [] };
}

function checkMapped(
  user: { uid: number; gid: number; additionalGids: readonly number[] },
  { uidMappings, gidMappings }: IdMaps,
): void {
  const isMapped = (mappings: readonly oci.IdMapping[], id: number) =>
    mappings.some(({ containerID, size }) => id >= containerID && id - containerID < size);
  const missing = !isMapped(uidMappings, user.uid)
    ? `User ${user.uid}`
    : [user.gid, ...user.additionalGids].every((gid) => isMapped(gidMappings, gid))
      ? undefined
      : 'One of the groups';
  if (missing === undefined) return;
  throw terrariumError(ErrorCode.Unavailable, `${missing} does not exist there`, {
    cause: `Its user namespace has these users: ${rangesOf(uidMappings)}; and these groups: ${rangesOf(gidMappings)}.`,
    fix: 'Choose one of them.',
  });
}

function rangesOf(mappings: readonly oci.IdMapping[]): string {
  const ranges = mappings.map(({ containerID, size }) =>
    size === 1 ? String(containerID) : `${containerID} to ${containerID + size - 1}`,
  );
  return ranges.join(', ') || 'none';
}

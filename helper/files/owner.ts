/** The owner that somebody asked for, as chown(1) takes it. */
import { toHostId } from '../inspect/idmap.js';
import { findUser, type UserDatabase } from '../inspect/user.js';
import { ErrorCode, type oci, terrariumError } from '../protocol/index.js';

/** chown(2) takes (uid_t) -1 for "leave it as it is". */
export const unchanged = 0xffffffff;

/**
 * `user`, `user:group`, `user:` (with the group of login) or `:group`, by name or number. Pure.
 * @throws Invalid, NotFound (no such name), Unavailable (an id that the container does not have)
 */
export function findOwner(
  owner: string,
  database: UserDatabase,
  maps: { uidMap: readonly oci.IdMapping[]; gidMap: readonly oci.IdMapping[] },
): { uid: number; gid: number } {
  const [user = '', group, ...rest] = owner.split(':');
  if (rest.length > 0 || (user === '' && (group ?? '') === '')) {
    throw terrariumError(ErrorCode.Invalid, `Not an owner: ${JSON.stringify(owner.slice(0, 100))}`, {
      fix: 'Write user, user:group or :group, by name or number.',
    });
  }
  const found = user === '' ? undefined : findUser(user, database);
  const uid = found?.uid ?? unchanged;
  const gid =
    group === undefined ? unchanged : group === '' ? (found?.gid ?? unchanged) : findUser(`0:${group}`, database).gid;
  if (uid !== unchanged) checkMapped('user', uid, maps.uidMap);
  if (gid !== unchanged) checkMapped('group', gid, maps.gidMap);
  return { uid, gid };
}

function checkMapped(kind: 'user' | 'group', id: number, map: readonly oci.IdMapping[]): void {
  if (toHostId(map, id) !== undefined) return;
  const ids = map.map(({ containerID, size }) =>
    size === 1 ? `${containerID}` : `${containerID}–${containerID + size - 1}`,
  );
  throw terrariumError(ErrorCode.Unavailable, `There is no ${kind} ${id} in the container`, {
    errno: 'EINVAL',
    cause: `Its id map has ${ids.join(', ')} only.`,
    fix: 'Choose one of these. With a range of ids for you in /etc/subuid and /etc/subgid, containers have more.',
  });
}

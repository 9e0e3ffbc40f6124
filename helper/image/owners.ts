import { readFileSync } from 'node:fs';

/** A range of ids that exist in this user namespace: a line of /proc/PID/uid_map, user_namespaces(7). */
export interface IdRange {
  first: number;
  count: number;
}

/** What this process may do about owners. */
export interface OwnerRights {
  /** Whether it may give files away at all. */
  chown: boolean;
  uids: readonly IdRange[];
  gids: readonly IdRange[];
  /** The ids of what it makes. */
  uid: number;
  gid: number;
}

const CAP_CHOWN = 0n;

/** Reads what the kernel says of this process, from /proc/self. */
export function readOwnerRights(): OwnerRights {
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return {
    chown: ((effective >> CAP_CHOWN) & 1n) === 1n,
    uids: parseRanges(readFileSync('/proc/self/uid_map', 'latin1')),
    gids: parseRanges(readFileSync('/proc/self/gid_map', 'latin1')),
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
  };
}

/** Lines of `inside outside count`. */
export function parseRanges(map: string): IdRange[] {
  return [...map.matchAll(/^\s*(\d+)\s+\d+\s+(\d+)\s*$/gm)].map(([, first, count]) => ({
    first: Number(first),
    count: Number(count),
  }));
}

/** Who shall own an entry; `flattened` when that is not who the archive says. */
export interface Owner {
  uid: number;
  gid: number;
  flattened: boolean;
}

/**
 * Ids that do not exist here cannot be given: such entries stay with whoever unpacks, who is root in a container.
 * Hence root's own entries never count as flattened.
 */
export function ownerFor(uid: number, gid: number, rights: OwnerRights): Owner {
  if (!rights.chown) {
    return { uid: rights.uid, gid: rights.gid, flattened: uid !== 0 || gid !== 0 };
  }
  const uidExists = holds(rights.uids, uid);
  const gidExists = holds(rights.gids, gid);
  return {
    uid: uidExists ? uid : rights.uid,
    gid: gidExists ? gid : rights.gid,
    flattened: !uidExists || !gidExists,
  };
}

function holds(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some(({ first, count }) => id >= first && id < first + count);
}

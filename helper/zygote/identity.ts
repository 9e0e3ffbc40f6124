import { accessSync, constants, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import * as path from 'node:path';
import type { IdMapping } from '../protocol/oci.js';

/** Which ids exist inside Terrarium's user namespace, and why. */
export interface Identity {
  mapping: 'range' | 'single';
  uidMappings: IdMapping[];
  gidMappings: IdMapping[];
  /** One sentence for people. */
  explanation: string;
}

export interface SubordinateRange {
  start: number;
  count: number;
}

/**
 * The first range that /etc/subuid or /etc/subgid grants to this user, by name or by number.
 * Source: subuid(5). Lines that do not parse are passed over, as newuidmap does.
 */
export function findRange(text: string, userName: string, uid: number): SubordinateRange | undefined {
  for (const line of text.split('\n')) {
    const match = /^([^:#]+):(\d+):(\d+)\s*$/.exec(line);
    if (match === null || (match[1] !== userName && match[1] !== String(uid))) continue;
    const start = Number(match[2]);
    const count = Number(match[3]);
    if (count > 0 && start > 0 && start + count <= 0xffff_ffff) return { start, count };
  }
  return undefined;
}

/** Decides the map: root inside is the person outside; ids above come from the ranges, where both are granted. */
export function decideIdentity(
  ids: { uid: number; gid: number },
  ranges: { uids?: SubordinateRange | undefined; gids?: SubordinateRange | undefined; mapTools: boolean },
): Identity {
  const own = (id: number): IdMapping => ({ containerID: 0, hostID: id, size: 1 });
  if (ranges.uids === undefined || ranges.gids === undefined || !ranges.mapTools) {
    const missing = ranges.mapTools
      ? '/etc/subuid and /etc/subgid grant this user no range'
      : 'newuidmap and newgidmap (package uidmap) are not installed';
    return {
      mapping: 'single',
      uidMappings: [own(ids.uid)],
      gidMappings: [own(ids.gid)],
      explanation: `Only root exists inside, and is you outside, because ${missing}: every other owner shows as nobody (65534).`,
    };
  }
  const range = (from: SubordinateRange): IdMapping => ({ containerID: 1, hostID: from.start, size: from.count });
  return {
    mapping: 'range',
    uidMappings: [own(ids.uid), range(ranges.uids)],
    gidMappings: [own(ids.gid), range(ranges.gids)],
    explanation:
      `Root inside is you (${ids.uid}) outside; users 1 to ${ranges.uids.count} inside are ` +
      `${ranges.uids.start} to ${ranges.uids.start + ranges.uids.count - 1} outside, as /etc/subuid grants.`,
  };
}

/** The identity on this machine. */
export function readIdentity(): Identity {
  const user = userInfo();
  const read = (file: string) => {
    try {
      return findRange(readFileSync(file, 'utf8'), user.username, user.uid);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
  return decideIdentity(user, {
    uids: read('/etc/subuid'),
    gids: read('/etc/subgid'),
    mapTools: ['newuidmap', 'newgidmap'].every(isInstalled),
  });
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '/usr/bin:/bin').split(':').some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A map as the zygote takes it: extents with commas between them. */
export function mapArgument(mappings: readonly IdMapping[]): string {
  return mappings.map((m) => `${m.containerID} ${m.hostID} ${m.size}`).join(',');
}

/**
 * The same ids mapped onto themselves, for a user namespace nested in the zygote's. One extent per extent of the
 * parent: the kernel refuses an extent that crosses a border of the parent's (EPERM).
 */
export function nestedMap(mappings: readonly IdMapping[]): string {
  return mappings.map((m) => `${m.containerID} ${m.containerID} ${m.size}\n`).join('');
}

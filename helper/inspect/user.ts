/** `name`, `uid`, `name:group` and `uid:gid`, resolved with the passwd and group files of a root. */
import { ErrorCode, terrariumError } from '../protocol/index.js';
import type { RootReader } from './root.js';

export interface ResolvedUser {
  uid: number;
  gid: number;
  additionalGids: number[];
  home: string;
  /** Absent for an id without an entry. */
  name?: string;
  shell?: string;
}

/** Contents of /etc/passwd and /etc/group; empty where there is no such file. */
export interface UserDatabase {
  passwd: string;
  group: string;
}

/** CVE-2024-9676: whatever an image puts there is read as a whole, so not without end. */
const largestDatabase = 1024 * 1024;
/** (uid_t) -1 means "leave it alone" to the kernel, and negative ones are taken for large ones: stay far below. */
const largestId = 2 ** 31 - 1;
/** NGROUPS_MAX. */
const mostGroups = 65536;

/**
 * Resolves a user as the files of a root know it. A name made of digits is always an id (CVE-2024-40635 and others:
 * nothing wraps around). Supplementary groups come from the group file, unless a group is given.
 * @throws a terrariumError: Invalid for what cannot be a user, NotFound for a name without an entry, BadInput when the
 * files are too large or not files at all.
 */
export async function resolveUser(user: string, root: RootReader): Promise<ResolvedUser> {
  return findUser(user, await readUserDatabase(root));
}

/** @throws a terrariumError (BadInput) when one of the files is too large, or is a link to a device and the like. */
export async function readUserDatabase(root: RootReader): Promise<UserDatabase> {
  const read = async (path: string) => (await root.readFile(path, largestDatabase))?.toString() ?? '';
  return { passwd: await read('/etc/passwd'), group: await read('/etc/group') };
}

/** The pure part of `resolveUser`. */
export function findUser(user: string, database: UserDatabase): ResolvedUser {
  const [userPart = '', groupPart, ...rest] = user.split(':');
  if (rest.length > 0 || userPart === '' || groupPart === '') {
    throw invalid(user, 'Write it as name, uid, name:group or uid:gid.');
  }
  const id = parseId(userPart);
  const entry = passwdEntries(database.passwd).find((one) =>
    id === undefined ? one.name === userPart : one.uid === id,
  );
  const uid = id ?? entry?.uid;
  if (uid === undefined) {
    throw terrariumError(
      ErrorCode.NotFound,
      `There is no user ${JSON.stringify(userPart)} in /etc/passwd of the root`,
      {
        fix: 'Use a name that is there, or a number.',
      },
    );
  }
  const groups = groupEntries(database.group);
  const known = entry ? { name: entry.name, ...(entry.shell ? { shell: entry.shell } : {}) } : {};
  return {
    uid,
    gid: groupPart === undefined ? (entry?.gid ?? 0) : findGroup(groupPart, groups),
    additionalGids: groupPart === undefined && entry ? supplementaryGroups(entry, groups) : [],
    home: entry?.home.startsWith('/') ? entry.home : '/',
    ...known,
  };
}

/** The users that have a name, in the order of the file. */
export function usersOf({ passwd }: UserDatabase): { name: string; uid: number }[] {
  return passwdEntries(passwd).map(({ name, uid }) => ({ name, uid }));
}

/** The groups that have a name, in the order of the file. */
export function groupsOf({ group }: Pick<UserDatabase, 'group'>): { name: string; gid: number }[] {
  return groupEntries(group).map(({ name, gid }) => ({ name, gid }));
}

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
}

interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

/** Lines that are not entries (comments, NIS markers, ids out of range) are passed over, as libc does. */
function passwdEntries(text: string): PasswdEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , uid = '', gid = '', , home = '', shell = ''] = line.split(':');
    const [uidNumber, gidNumber] = [idOrUndefined(uid), idOrUndefined(gid)];
    return name === '' || uidNumber === undefined || gidNumber === undefined
      ? []
      : [{ name, uid: uidNumber, gid: gidNumber, home, shell }];
  });
}

function groupEntries(text: string): GroupEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , gid = '', members = ''] = line.split(':');
    const number = idOrUndefined(gid);
    return name === '' || number === undefined
      ? []
      : [{ name, gid: number, members: members.split(',').filter((member) => member !== '') }];
  });
}

function findGroup(group: string, groups: readonly GroupEntry[]): number {
  const gid = parseId(group) ?? groups.find((one) => one.name === group)?.gid;
  if (gid === undefined) {
    throw terrariumError(ErrorCode.NotFound, `There is no group ${JSON.stringify(group)} in /etc/group of the root`, {
      fix: 'Use a name that is there, or a number.',
    });
  }
  return gid;
}

function supplementaryGroups({ name, gid }: PasswdEntry, groups: readonly GroupEntry[]): number[] {
  const gids = new Set(groups.filter(({ members }) => members.includes(name)).map((group) => group.gid));
  gids.delete(gid);
  if (gids.size > mostGroups) {
    throw terrariumError(
      ErrorCode.BadInput,
      `${name} is in ${gids.size} groups: the kernel knows ${mostGroups} at most`,
    );
  }
  return [...gids];
}

/**
 * The id that text made of digits stands for; undefined when it is a name.
 * @throws a terrariumError (Invalid) for ids out of range, and for signs, which no name begins with.
 */
function parseId(text: string): number | undefined {
  if (/^[+-]/.test(text) || /[\s/\p{Cc}]/u.test(text)) {
    throw invalid(text, 'A name begins with a letter; an id is made of digits only.');
  }
  if (!/^\d+$/.test(text)) {
    return undefined;
  }
  const id = idOrUndefined(text);
  if (id === undefined) {
    throw invalid(text, `Ids go from 0 to ${largestId}.`);
  }
  return id;
}

function idOrUndefined(text: string): number | undefined {
  return /^\d+$/.test(text) && Number(text) <= largestId ? Number(text) : undefined;
}

function invalid(user: string, fix: string): Error {
  return terrariumError(ErrorCode.Invalid, `${JSON.stringify(user.slice(0, 100))} is no user or group`, { fix });
}

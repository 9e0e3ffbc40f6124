/** Entries of folders, as the explorer shows them. */
import { accessSync, closeSync, constants, readdirSync, readFileSync } from 'node:fs';
import { ResponseError } from 'vscode-jsonrpc';
import { readlinkat } from '../../native/bindings/at.js';
import type { Path } from '../../native/bindings/libc.js';
import { O_PATH, openat2 } from '../../native/bindings/openat2.js';
import { fstatfs, ST_NOSUID } from '../../native/bindings/statfs.js';
import { type EntryStatus, fileTypes, statEntry } from '../../native/bindings/statx.js';
import { findXattr } from '../../native/bindings/xattr.js';
import { failedWith } from '../image/failure.js';
import { overflowId, parseIdMap, toHostId } from '../inspect/idmap.js';
import { runningRoot } from '../inspect/root.js';
import { groupsOf, readUserDatabase, usersOf } from '../inspect/user.js';
import { ErrorCode, type FileEntry, type FileKind, type FolderContent, type oci } from '../protocol/index.js';
import { capabilitiesRootId, capabilitiesText, capabilityAttribute } from './capabilities.js';
import { at, type OpenRoot, openIn } from './openRoot.js';

/** Who ids stand for: in the root, and on this machine. */
export interface Owners {
  users: ReadonlyMap<number, string>;
  groups: ReadonlyMap<number, string>;
  uidMap: readonly oci.IdMapping[];
  gidMap: readonly oci.IdMapping[];
}

/** Reads the names in the root, and the maps of this user namespace, which are those of the containers. */
export async function readOwners(root: OpenRoot): Promise<Owners> {
  const database = await readUserDatabase(runningRoot(root.view)).catch((error: unknown) => {
    // A file of names that is none, or too large, is no reason not to show files: they are shown with numbers.
    if (!(error instanceof ResponseError && error.code === ErrorCode.BadInput)) throw error;
    return { passwd: '', group: '' };
  });
  // The first of several names for one id is the one that counts, as for getpwuid(3).
  const users = new Map(
    usersOf(database)
      .reverse()
      .map(({ uid, name }) => [uid, name]),
  );
  const groups = new Map(
    groupsOf(database)
      .reverse()
      .map(({ gid, name }) => [gid, name]),
  );
  const map = (kind: string) => parseIdMap(readFileSync(`/proc/self/${kind}_map`, 'utf8'));
  return { users, groups, uidMap: map('uid'), gidMap: map('gid') };
}

/** What is in a folder, by name. @throws SystemError */
export function listFolder(root: OpenRoot, path: string, owners: Owners): FolderContent {
  const folder = openIn(root, path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const entries: FileEntry[] = [];
    for (const [name, key] of names(folder)) {
      try {
        entries.push(describe(root, { folder, key, name, path: `${path}/${name}` }, owners));
      } catch (error) {
        // Deleted meanwhile.
        if (!failedWith(error, 'ENOENT')) throw error;
      }
    }
    const readOnly = root.view.readOnly ?? whyUnchangeable(folder);
    return { entries, ...(readOnly === undefined ? {} : { readOnly }) };
  } finally {
    closeSync(folder);
  }
}

/** One file. @throws SystemError */
export function describeFile(root: OpenRoot, path: string, follow: boolean, owners: Owners): FileEntry {
  const name = path.split('/').findLast((component) => component !== '') ?? '/';
  return at(root, path, follow, (folder) => describe(root, { folder, key: '', name, path }, owners));
}

/** Names as people see them, and as the kernel has them: what is no UTF-8 is shown with U+FFFD in its place. */
function names(folder: number): [string, Path][] {
  const here = `/proc/self/fd/${folder}`;
  const texts = readdirSync(here);
  if (!texts.some((name) => name.includes('\ufffd'))) return texts.map((name) => [name, name]);
  return readdirSync(here, 'buffer').map((name) => [name.toString(), name]);
}

interface Described {
  /** A folder and the name in it; or, with an empty key, the file itself. */
  folder: number;
  key: Path;
  name: string;
  path: string;
}

function describe(root: OpenRoot, described: Described, owners: Owners): FileEntry {
  const { folder, key, name } = described;
  const status = statEntry(folder, key);
  const user = owners.users.get(status.uid);
  const group = owners.groups.get(status.gid);
  const entry: FileEntry = {
    name,
    kind: kindOf(status),
    size: status.size,
    mode: status.mode,
    uid: status.uid,
    gid: status.gid,
    hostUid: hostId(owners.uidMap, status.uid),
    hostGid: hostId(owners.gidMap, status.gid),
    mtime: status.mtime,
    ctime: status.ctime,
    links: status.links,
  };
  if (user !== undefined) entry.user = user;
  if (group !== undefined) entry.group = group;
  if (status.isMountPoint) entry.mountPoint = true;
  if (status.type === fileTypes.symlink) describeLink(root, described, entry);
  // In a folder only programs are asked: it costs a call for each.
  else if (status.type === fileTypes.file && (key.length === 0 || (status.mode & 0o111) !== 0))
    describeProgram(described, entry);
  return entry;
}

/** The kernel shows every id that the map does not have as nobody's: which one it is outside cannot be told from in here. */
function hostId(map: readonly oci.IdMapping[], id: number): number {
  return id === overflowId ? overflowId : (toHostId(map, id) ?? overflowId);
}

function describeLink(root: OpenRoot, { folder, key, path }: Described, entry: FileEntry): void {
  entry.target = readlinkat(folder, key).toString();
  try {
    entry.targetKind = at(root, path, true, (fd) => kindOf(statEntry(fd, '')));
  } catch (error) {
    // It leads nowhere, in a circle, or out of the container by a link of the kernel's.
    if (!failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES')) throw error;
  }
}

function describeProgram({ folder, key }: Described, entry: FileEntry): void {
  const here = `/proc/self/fd/${folder}`;
  const target =
    key.length === 0
      ? folder
      : typeof key === 'string'
        ? `${here}/${key}`
        : Buffer.concat([Buffer.from(`${here}/`), key]);
  const value = findCapabilities(target);
  const text = value && capabilitiesText(value);
  if (value === undefined || text === undefined) return;
  entry.capabilities = text;
  const rootId = capabilitiesRootId(value);
  if (rootId !== undefined) entry.capabilitiesRoot = rootId;
  // The file's own mount: something else may be mounted on it alone.
  const file = key.length === 0 ? folder : openat2(folder, key, { flags: O_PATH | constants.O_NOFOLLOW, resolve: 0 });
  try {
    if ((fstatfs(file).flags & ST_NOSUID) !== 0) entry.nosuid = true;
  } finally {
    if (file !== folder) closeSync(file);
  }
}

function findCapabilities(target: Path | number): Buffer | undefined {
  try {
    return findXattr(target, capabilityAttribute);
  } catch (error) {
    // They count for the root of a user namespace that has no uid in here: in a container they are none.
    if (failedWith(error, 'EOVERFLOW')) return undefined;
    throw error;
  }
}

const kinds = new Map<number, FileKind>(Object.entries(fileTypes).map(([kind, type]) => [type, kind as FileKind]));

export function kindOf({ type }: Pick<EntryStatus, 'type'>): FileKind {
  return kinds.get(type) ?? 'file';
}

/** Why root inside cannot change what is in this folder, found by asking the kernel. */
function whyUnchangeable(folder: number): string | undefined {
  try {
    accessSync(`/proc/self/fd/${folder}`, constants.W_OK);
    return undefined;
  } catch (error) {
    if (failedWith(error, 'EROFS')) return 'This is mounted read-only.';
    if (failedWith(error, 'EACCES', 'EPERM')) {
      return 'It belongs to somebody who does not exist in the container: not even its root may change it.';
    }
    throw error;
  }
}

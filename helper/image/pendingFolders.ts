import { closeSync, constants, fchmodSync, fchownSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { mknodat, utimensat } from '../../native/bindings/at.js';
import {
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../native/bindings/openat2.js';
import { setXattr } from '../../native/bindings/xattr.js';
import { type ByteString, toBytes } from './entryPath.js';
import { keepXattrs } from './entryXattrs.js';
import { explained, failedWith, shown } from './failure.js';
import type { Notes } from './notes.js';
import { type OwnerRights, ownerFor } from './owners.js';
import type { TarEntry } from './tar/entry.js';
import { opaqueXattr } from './whiteouts.js';

const defaultMode = 0o755;
/** Folders finished between two chances for others to run. */
const batch = 512;
const within = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

type Attributes = Pick<TarEntry, 'mode' | 'uid' | 'gid' | 'xattrs'> & { modified?: bigint; opaque?: boolean };

/**
 * What folders of a tree get at the end, when nothing more is put into them: their attributes, and whiteouts, since a
 * layer's own entries win wherever they stand. Paths are from the root, links resolved; empty for the root itself.
 */
export class PendingFolders {
  private readonly folders = new Map<ByteString, Attributes>();
  private readonly whiteouts: { folder: ByteString; name: ByteString }[] = [];

  constructor() {
    this.addImplied('');
  }

  /** Whether the root hides all below it, which an overlay does not take from a mark on its topmost folder. */
  get opaque(): boolean {
    return this.folders.get('')?.opaque === true;
  }

  /** A folder that the archive has something in, but has not listed. */
  addImplied(path: ByteString): void {
    this.folders.set(path, { mode: defaultMode, uid: 0, gid: 0, xattrs: new Map() });
  }

  add(path: ByteString, { mode, uid, gid, xattrs, modified }: TarEntry): void {
    const opaque = this.folders.get(path)?.opaque === true;
    this.folders.set(path, { mode, uid, gid, xattrs, modified, ...(opaque && { opaque }) });
  }

  /** Nothing of lower layers shows through a folder. */
  makeOpaque(path: ByteString): void {
    const attributes = this.folders.get(path);
    if (attributes) {
      this.folders.set(path, { ...attributes, opaque: true });
    }
  }

  /** What lower layers have under a name does not show. */
  hide(folder: ByteString, name: ByteString): void {
    this.whiteouts.push({ folder, name });
  }

  /** Something was removed, perhaps with folders in it. */
  forget(path: ByteString): void {
    if (this.folders.has(path)) {
      for (const folder of this.folders.keys()) {
        if (folder === path || folder.startsWith(`${path}/`)) {
          this.folders.delete(folder);
        }
      }
    }
  }

  /** Makes whiteouts and gives folders their attributes, children before parents. */
  async finish(rootFd: number, rights: OwnerRights, notes: Notes): Promise<void> {
    for (const [index, whiteout] of this.whiteouts.entries()) {
      await pause(index);
      this.makeWhiteout(rootFd, whiteout);
    }
    const paths = [...this.folders.keys()].sort().reverse();
    for (const [index, path] of paths.entries()) {
      await pause(index);
      const attributes = this.folders.get(path);
      if (attributes) {
        finishFolder(rootFd, path, attributes, rights, notes);
      }
    }
  }

  private makeWhiteout(rootFd: number, { folder, name }: { folder: ByteString; name: ByteString }): void {
    const path = folder === '' ? name : `${folder}/${name}`;
    if (!this.folders.has(folder)) {
      // A later entry has replaced the folder: then that hides what is below.
      return;
    }
    if (this.folders.has(path)) {
      // The layer brings a folder of this name: it hides, rather than merges with, what is below.
      this.makeOpaque(path);
      return;
    }
    try {
      const fd = openat2(rootFd, folder === '' ? '.' : toBytes(folder), { flags: O_PATH, resolve: within });
      try {
        mknodat(fd, toBytes(name), constants.S_IFCHR);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      // The layer brings something else of this name, which hides what is below anyway.
      if (!failedWith(error, 'EEXIST')) {
        throw explained(error, `hide ${shown(toBytes(path))}`);
      }
    }
  }
}

async function pause(index: number): Promise<void> {
  if (index % batch === batch - 1) {
    await setImmediate();
  }
}

function finishFolder(
  rootFd: number,
  path: ByteString,
  attributes: Attributes,
  rights: OwnerRights,
  notes: Notes,
): void {
  const fd = openat2(rootFd, path === '' ? '.' : toBytes(path), {
    flags: constants.O_RDONLY | constants.O_DIRECTORY,
    resolve: within,
  });
  try {
    const owner = ownerFor(attributes.uid, attributes.gid, rights);
    const described = { ...attributes, path: toBytes(path === '' ? '.' : path) };
    if (owner.flattened) {
      notes.add('owners', shown(described.path));
    }
    if (rights.chown) {
      fchownSync(fd, owner.uid, owner.gid);
    }
    keepXattrs(fd, described, notes);
    if (attributes.opaque) {
      setXattr(fd, opaqueXattr, Buffer.from('y'));
    }
    if (attributes.modified !== undefined) {
      utimensat(fd, '.', attributes.modified, attributes.modified);
    }
    fchmodSync(fd, attributes.mode);
  } catch (error) {
    throw explained(error, `unpack ${shown(toBytes(path))}`);
  } finally {
    closeSync(fd);
  }
}

import { closeSync, constants, fchmodSync, fchownSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { fchownat, linkat, mkdirat, mknodat, symlinkat, utimensat } from '../../native/bindings/at.js';
import { openat2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from '../../native/bindings/openat2.js';
import { removeXattr, setXattr } from '../../native/bindings/xattr.js';
import { type ByteString, toBytes } from '../image/entryPath.js';
import { failedWith } from '../image/failure.js';
import { closeFound, type Found, type LayerEntry } from '../image/layeredFolder.js';
import { type OwnerRights, ownerFor } from '../image/owners.js';
import { overflowId } from '../inspect/idmap.js';
import { modeOf, openForReading, targetOf, xattrsOf } from './attributes.js';
import type { Pace } from './pace.js';
import { joined } from './startTraces.js';
import { readableNames } from './trees.js';

const within = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
const chunkSize = 256 * 1024;
const zeros = Buffer.alloc(chunkSize);

type LeftOut = (path: ByteString, found: Found) => boolean;

/** A place in a tree: an open folder, and a name in it. */
export interface Destination {
  folderFd: number;
  name: ByteString;
}

/**
 * Writes copies of what is in lower layers into a tree that others may be changing: by descriptor, no link followed, and
 * nothing replaced that is there already (EEXIST).
 */
export class Restorer {
  /** Of content that was copied. */
  bytes = 0;
  /** First copy of each file with several names. */
  private readonly linked = new Map<string, Destination>();
  private readonly kept: number[] = [];

  /** @param foreignOwners "nobody" below may be an owner that has no id here: root's own, most of all. */
  constructor(
    private readonly rights: OwnerRights,
    private readonly pace: Pace,
    private readonly foreignOwners: boolean,
  ) {}

  /**
   * Copies an entry, and all that is in it, with owners, modes, attributes and times.
   * @param isLeftOut is asked of what is in a folder, by its path from there.
   * @throws SystemError
   */
  async copy(found: Found, to: Destination, isLeftOut: LeftOut = () => false, path: ByteString = '/'): Promise<void> {
    await this.pace.step();
    const name = toBytes(to.name);
    const { stats } = found;
    if (stats.isDirectory()) return this.copyFolder(found, to, isLeftOut, path);
    if (stats.isFile()) return this.copyFile(found, to);
    if (stats.isSymbolicLink()) symlinkat(targetOf(found), to.folderFd, name);
    else if (stats.isFIFO()) mknodat(to.folderFd, name, constants.S_IFIFO | 0o600);
    else if (stats.isSocket()) mknodat(to.folderFd, name, constants.S_IFSOCK | 0o600);
    // A device: nobody without privilege can make one, so no container had it in use.
    else return;
    const owner = this.owner(found);
    if (this.rights.chown) fchownat(to.folderFd, name, owner.uid, owner.gid);
    utimensat(to.folderFd, name, stats.mtimeNs, stats.mtimeNs);
  }

  /** Gives what is at `to` (a regular file or folder) the owner, mode, attributes and times of another. @throws SystemError */
  setAttributes(from: LayerEntry, to: Destination): void {
    const flags = (from.stats.isDirectory() ? constants.O_DIRECTORY : 0) | constants.O_RDONLY | constants.O_NONBLOCK;
    const fd = openat2(to.folderFd, toBytes(to.name), { flags: flags | constants.O_NOFOLLOW, resolve: within });
    try {
      this.applyAttributes(from, fd);
    } finally {
      closeSync(fd);
    }
    utimensat(to.folderFd, toBytes(to.name), from.stats.mtimeNs, from.stats.mtimeNs);
  }

  /** Gives a link the owner and times of another. @throws SystemError */
  setLinkAttributes(from: LayerEntry, { folderFd, name }: Destination): void {
    const owner = this.owner(from);
    if (this.rights.chown) fchownat(folderFd, toBytes(name), owner.uid, owner.gid);
    utimensat(folderFd, toBytes(name), from.stats.mtimeNs, from.stats.mtimeNs);
  }

  /** Makes a folder as it is below, without what is in it. @throws SystemError */
  makeFolder(from: LayerEntry, to: Destination): void {
    mkdirat(to.folderFd, toBytes(to.name), 0o700);
    this.setAttributes(from, to);
  }

  close(): void {
    for (const fd of this.kept.splice(0)) closeSync(fd);
  }

  private async copyFolder(found: Found, to: Destination, isLeftOut: LeftOut, path: ByteString): Promise<void> {
    mkdirat(to.folderFd, toBytes(to.name), 0o700);
    const folderFd = openat2(to.folderFd, toBytes(to.name), {
      flags: constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
      resolve: within,
    });
    try {
      for (const name of found.folder === undefined ? [] : readableNames(found.folder)) {
        const child = found.folder?.lookUpUnlessMounted(name);
        if (child === undefined) continue;
        try {
          const at = joined(path, name);
          if (!isLeftOut(at, child)) await this.copy(child, { folderFd, name }, isLeftOut, at);
        } finally {
          closeFound(child);
        }
      }
      this.applyAttributes(found, folderFd);
    } finally {
      closeSync(folderFd);
    }
    utimensat(to.folderFd, toBytes(to.name), found.stats.mtimeNs, found.stats.mtimeNs);
  }

  private async copyFile(found: Found, to: Destination): Promise<void> {
    const { stats } = found;
    const key = `${stats.dev} ${stats.ino}`;
    const first = this.linked.get(key);
    if (first !== undefined) {
      linkat(first.folderFd, toBytes(first.name), to.folderFd, toBytes(to.name));
      return;
    }
    const source = openForReading(found);
    try {
      const fd = openat2(to.folderFd, toBytes(to.name), {
        flags: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
        mode: 0o600,
        resolve: within,
      });
      try {
        await this.copyContent(source, fd);
        this.applyAttributes(found, fd);
      } finally {
        closeSync(fd);
      }
    } finally {
      closeSync(source);
    }
    utimensat(to.folderFd, toBytes(to.name), stats.mtimeNs, stats.mtimeNs);
    if (stats.nlink > 1n) this.remember(key, to);
  }

  /** Its folder is closed by the time the next name of the file comes. */
  private remember(key: string, { folderFd, name }: Destination): void {
    const kept = openat2(folderFd, '.', { flags: constants.O_RDONLY | constants.O_DIRECTORY });
    this.kept.push(kept);
    this.linked.set(key, { folderFd: kept, name });
  }

  /** Blocks of zeros become holes. */
  private async copyContent(source: number, fd: number): Promise<void> {
    const buffer = Buffer.allocUnsafe(chunkSize);
    let at = 0;
    for (let read = -1; read !== 0; at += read) {
      read = readSync(source, buffer, 0, chunkSize, at);
      const isHole = read === chunkSize && buffer.equals(zeros);
      for (let done = 0; !isHole && done < read; ) done += writeSync(fd, buffer, done, read - done, at + done);
      await this.pace.step(16);
    }
    ftruncateSync(fd, at);
    this.bytes += at;
  }

  /** In this order: a change of owner clears setuid bits and capabilities. */
  private applyAttributes(from: LayerEntry, fd: number): void {
    const owner = this.owner(from);
    if (this.rights.chown) fchownSync(fd, owner.uid, owner.gid);
    const wanted = xattrsOf(from);
    for (const name of xattrsOf({ fd, stats: fstatSync(fd, { bigint: true }) }).keys()) {
      if (!wanted.has(name)) removeXattr(fd, name);
    }
    for (const [name, value] of wanted) this.setXattr(fd, name, value);
    fchmodSync(fd, modeOf(from));
  }

  private setXattr(fd: number, name: string, value: Buffer): void {
    try {
      setXattr(fd, name, value);
    } catch (error) {
      // Of capabilities this user may not give; and of file systems without attributes. As when an image is unpacked.
      if (!failedWith(error, 'EPERM', 'ENOTSUP')) throw error;
    }
  }

  private owner({ stats }: LayerEntry): { uid: number; gid: number } {
    const known = (id: bigint) => (this.foreignOwners && id === BigInt(overflowId) ? 0 : Number(id));
    return ownerFor(known(stats.uid), known(stats.gid), this.rights);
  }
}

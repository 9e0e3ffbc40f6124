import { closeSync, constants, fchmodSync, fchownSync, ftruncateSync, writeSync } from 'node:fs';
import { fchmodat, fchownat, linkat, mkdirat, mknodat, symlinkat, utimensat } from '../../native/bindings/at.js';
import { openat2 } from '../../native/bindings/openat2.js';
import { type ByteString, entryComponents, toBytes } from './entryPath.js';
import { keepXattrs } from './entryXattrs.js';
import { badInput, explained, failedWith, shown } from './failure.js';
import type { Notes } from './notes.js';
import { type OwnerRights, ownerFor } from './owners.js';
import { type Folder, ParentFolders } from './parentFolders.js';
import { PendingFolders } from './pendingFolders.js';
import type { Quota } from './quota.js';
import { removeTreeSync } from './removeTree.js';
import type { EntrySink, TarEntry } from './tar/entry.js';
import { type Whiteout, whiteoutOf } from './whiteouts.js';

export interface TreeWriterOptions {
  /** A layer, whose whiteouts hide what lies below it in an overlay; in a whole root they are left out. */
  layer: boolean;
  quota: Quota;
  rights: OwnerRights;
  notes: Notes;
}

/** Folders are worked on in this mode; what the archive wants they get at the end. */
const workingMode = 0o700;
/** Content is looked at for zeros in pieces of this size; fewer zeros than a block of the disk are no hole. */
const holeSize = 64 * 1024;
const smallestHole = 4096;
const zeros = Buffer.alloc(holeSize);
/** By how much less a hole counts as what was written. */
const holeDiscount = 8;
/** Layers are shared by images that have different files below them. image-spec layer.md: extracting such links may fail */
const linkAcrossLayers = {
  cause: 'A layer may only link to files of its own. This file is missing, or only a layer below has it.',
  fix: 'Build the image again, with both names made in the same step, or with its layers squashed into one.',
};

interface OpenFile {
  fd: number;
  folder: Folder;
  name: Buffer;
  entry: TarEntry;
  /** End of what was written: holes are left out. */
  written: number;
}

/**
 * Applies the entries of an archive below a folder that nobody else writes to. Nothing outside is ever reached:
 * parents are resolved inside the root and used by descriptor, and last components are never followed.
 *
 * What is there already is replaced, except that a folder over a folder only changes its attributes. Everything here
 * is synchronous, since this runs in a process of its own and streams must not outrun the disk.
 */
export class TreeWriter implements EntrySink {
  private readonly parents: ParentFolders;
  private readonly pending = new PendingFolders();
  private file: OpenFile | undefined;

  /** Whether the root hides all below it, which an overlay does not take from a mark on its topmost folder. */
  get opaque(): boolean {
    return this.pending.opaque;
  }

  /** @param rootFd a folder, not O_PATH; stays the caller's. */
  constructor(
    private readonly rootFd: number,
    private readonly options: TreeWriterOptions,
  ) {
    this.parents = new ParentFolders(rootFd, (path) => this.madeOnTheWay(path));
  }

  /** @throws TerrariumError BadInput for what no root may hold, Unavailable when there is no room. */
  begin(entry: TarEntry): void {
    this.options.quota.addEntry();
    const components = entryComponents(entry.path);
    const name = components.at(-1);
    const whiteout = whiteoutOf(components, entry.path);
    if (whiteout !== undefined) {
      this.hide(whiteout, components, entry);
      return;
    }
    try {
      this.apply(entry, components, name);
    } catch (error) {
      throw explained(error, `unpack ${shown(entry.path)}`);
    }
  }

  data(bytes: Buffer, offset: number): void {
    const { file } = this;
    if (!file) {
      this.options.quota.addWritten(bytes.length);
      return;
    }
    try {
      for (let at = 0; at < bytes.length; at += holeSize) {
        const piece = bytes.subarray(at, at + holeSize);
        // Holes cost time, but no room.
        const hole = piece.length >= smallestHole && piece.equals(zeros.subarray(0, piece.length));
        this.options.quota.addWritten(hole ? piece.length / holeDiscount : piece.length);
        for (let done = 0; !hole && done < piece.length; ) {
          done += writeSync(file.fd, piece, done, piece.length - done, offset + at + done);
          file.written = offset + at + done;
        }
      }
    } catch (error) {
      throw explained(error, `unpack ${shown(file.entry.path)}`);
    }
  }

  end(): void {
    const { file } = this;
    if (!file) {
      return;
    }
    this.file = undefined;
    const { fd, folder, name, entry } = file;
    try {
      if (file.written < entry.size) {
        ftruncateSync(fd, entry.size);
      }
      // In this order: chown clears setuid bits and capabilities, a mode may forbid setting user.* attributes.
      const owner = this.owner(entry);
      if (this.options.rights.chown) {
        fchownSync(fd, owner.uid, owner.gid);
      }
      keepXattrs(fd, entry, this.options.notes);
      fchmodSync(fd, entry.mode);
      utimensat(folder.fd, name, entry.modified, entry.modified);
    } catch (error) {
      throw explained(error, `unpack ${shown(entry.path)}`);
    } finally {
      closeSync(fd);
    }
  }

  /** Makes whiteouts and gives folders their attributes, children before parents. To be called once, after the last entry. */
  async finish(): Promise<void> {
    this.parents.close();
    await this.pending.finish(this.rootFd, this.options.rights, this.options.notes);
  }

  /** Closes what is open, also after a failure. */
  close(): void {
    if (this.file) {
      closeSync(this.file.fd);
      this.file = undefined;
    }
    this.parents.close();
  }

  private hide(whiteout: Whiteout, components: readonly ByteString[], entry: TarEntry): void {
    if (!this.options.layer || whiteout.kind === 'foreign') {
      this.options.notes.add(whiteout.kind === 'foreign' ? 'unknown' : 'whiteouts', shown(entry.path));
      return;
    }
    try {
      const folder = this.parents.get(components.slice(0, -1));
      if (whiteout.kind === 'opaque') {
        this.pending.makeOpaque(folder.path);
      } else {
        this.options.quota.addFolder();
        this.pending.hide(folder.path, whiteout.name);
      }
    } catch (error) {
      throw explained(error, `unpack ${shown(entry.path)}`);
    }
  }

  private apply(entry: TarEntry, components: readonly ByteString[], name: ByteString | undefined): void {
    switch (entry.type) {
      case 'directory':
        this.options.quota.addFolder();
        this.makeFolder(entry, components);
        return;
      case 'character device':
      case 'block device':
        this.options.notes.add('devices', shown(entry.path));
        return;
      case 'unknown':
        this.options.notes.add('unknown', shown(entry.path));
        return;
    }
    if (name === undefined) {
      throw badInput(`The archive was refused: its root is a ${entry.type}, not a folder`);
    }
    const bytes = toBytes(name);
    switch (entry.type) {
      case 'file':
        this.options.quota.claimBytes(Math.min(entry.size, entry.storedSize));
        this.file = this.place(components, (folder) => {
          const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
          return { fd: openat2(folder.fd, bytes, { flags, mode: 0o600 }), folder, name: bytes, entry, written: 0 };
        });
        return;
      case 'symlink':
        if (entry.linkPath.length === 0 || entry.linkPath.includes(0)) {
          throw badInput(`The archive is damaged: the link ${shown(entry.path)} has no valid target`);
        }
        this.place(components, (folder) => {
          symlinkat(entry.linkPath, folder.fd, bytes);
          this.setOwnerAndTime(folder, bytes, entry);
        });
        return;
      case 'fifo':
        this.place(components, (folder) => {
          mknodat(folder.fd, bytes, constants.S_IFIFO | 0o600);
          this.setOwnerAndTime(folder, bytes, entry);
        });
        return;
      case 'hardlink':
        this.makeHardLink(entry, components, bytes);
        return;
    }
  }

  private makeFolder(entry: TarEntry, components: readonly ByteString[]): void {
    if (components.length === 0) {
      this.pending.add('', entry);
      return;
    }
    const name = toBytes(components.at(-1) ?? '');
    const path = this.place(
      components,
      (folder) => {
        mkdirat(folder.fd, name, workingMode);
        return childPath(folder, components);
      },
      (folder) => {
        if (!isFolder(folder.fd, name)) {
          return undefined;
        }
        return childPath(folder, components);
      },
    );
    this.pending.add(path, entry);
  }

  private makeHardLink(entry: TarEntry, components: readonly ByteString[], name: Buffer): void {
    const source = entryComponents(entry.linkPath);
    const sourceName = source.at(-1);
    if (sourceName === undefined) {
      throw badInput(`The archive was refused: ${shown(entry.path)} is a hard link to the root`);
    }
    const absent = () =>
      badInput(
        `The archive is damaged: ${shown(entry.path)} is a hard link to ${shown(entry.linkPath)}, which does not precede it`,
        this.options.layer ? linkAcrossLayers : {},
      );
    const link = (folder: Folder) => {
      const from = this.parents.find(source.slice(0, -1));
      if (!from) {
        throw absent();
      }
      if (childPath(from, source) !== childPath(folder, components)) {
        linkat(from.fd, toBytes(sourceName), folder.fd, name);
      }
    };
    try {
      this.place(components, link);
    } catch (error) {
      if (failedWith(error, 'ENOENT')) {
        throw absent();
      }
      if (failedWith(error, 'EPERM')) {
        throw badInput(
          `The archive was refused: ${shown(entry.path)} is a hard link to a folder, ${shown(entry.linkPath)}`,
        );
      }
      throw error;
    }
  }

  /**
   * Makes something under a name. What has the name already is removed first, unless `keep` has a use for it.
   * @param make fails with EEXIST when something is there.
   */
  private place<T>(
    components: readonly ByteString[],
    make: (folder: Folder) => T,
    keep: (folder: Folder) => T | undefined = () => undefined,
  ): T {
    const parent = components.slice(0, -1);
    const folder = this.parents.get(parent);
    try {
      return make(folder);
    } catch (error) {
      if (!failedWith(error, 'EEXIST')) {
        throw error;
      }
    }
    const kept = keep(folder);
    if (kept !== undefined) {
      return kept;
    }
    removeTreeSync(folder.fd, toBytes(components.at(-1) ?? ''));
    this.forget(childPath(folder, components));
    return make(this.parents.get(parent));
  }

  /** Something was removed: a folder below it no longer wants attributes, and links may have led through it. */
  private forget(path: ByteString): void {
    this.parents.close();
    this.pending.forget(path);
  }

  private madeOnTheWay(path: ByteString): void {
    this.options.quota.addEntry();
    this.options.quota.addFolder();
    this.pending.addImplied(path);
  }

  private setOwnerAndTime(folder: Folder, name: Buffer, entry: TarEntry): void {
    const owner = this.owner(entry);
    if (this.options.rights.chown) {
      fchownat(folder.fd, name, owner.uid, owner.gid);
    }
    if (entry.type !== 'symlink') {
      fchmodat(folder.fd, name, entry.mode);
    }
    utimensat(folder.fd, name, entry.modified, entry.modified);
  }

  private owner(entry: TarEntry) {
    const owner = ownerFor(entry.uid, entry.gid, this.options.rights);
    if (owner.flattened) {
      this.options.notes.add('owners', shown(entry.path));
    }
    return owner;
  }
}

function childPath(folder: Folder, components: readonly ByteString[]): ByteString {
  const name = components.at(-1) ?? '';
  return folder.path === '' ? name : `${folder.path}/${name}`;
}

function isFolder(dirFd: number, name: Buffer): boolean {
  try {
    closeSync(openat2(dirFd, name, { flags: constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW }));
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOTDIR', 'ELOOP')) {
      return false;
    }
    throw error;
  }
}

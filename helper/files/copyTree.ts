/**
 * Copies a file or a tree from one open folder to another, in a root, into it or out of it. Both sides are used by
 * descriptor: nothing that somebody flips meanwhile on either side leads elsewhere.
 */
import { chmodSync, chownSync, closeSync, constants, ftruncateSync, readSync } from 'node:fs';
import { linkDescriptor, mkdirat, mknodat, readlinkat, symlinkat, utimensat } from '../../native/bindings/at.js';
import { nextExtent } from '../../native/bindings/extents.js';
import { type Path, SystemError } from '../../native/bindings/libc.js';
import { O_PATH, openat2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from '../../native/bindings/openat2.js';
import { type FileStatus, fileTypes, statx } from '../../native/bindings/statx.js';
import { findXattr, listXattrs, setXattr } from '../../native/bindings/xattr.js';
import { failedWith } from '../image/failure.js';
import { reopen, writeAll } from './content.js';
import { namesIn, openFolder, type Pace } from './tree.js';

/** A name in an open folder. */
export interface Entry {
  folder: number;
  name: Path;
}

/** What could not be copied, or not be kept. */
export type LeftOut = 'device' | 'fifo' | 'socket' | 'mount' | 'bits' | 'owner' | 'attribute';

export interface CopyOptions {
  /**
   * `all`: owners, all bits of the mode, extended attributes, FIFOs. `plain`: what crosses the border of a container:
   * content, permissions, times, links; owners become those of whoever writes.
   */
  keep: 'all' | 'plain';
  pace: Pace;
  /** Told of each entry that was copied, and of each part of a file. Bytes of holes count too. */
  onCopied?: (progress: { files: number; entries: number; bytes: number }) => void;
  onLeftOut?: (what: LeftOut) => void;
}

const chunkBytes = 1024 * 1024;
/** As deep as trees are copied: each folder on the way is open. */
const deepest = 256;
/** Files with further links to come that are kept open at a time; of more, each link becomes a file of its own. */
const mostLinked = 1024;
const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

/** Copies trees, and keeps hard links among all of them. To be closed. */
export class TreeCopy {
  /** The first copy of a file with several links, by device and inode, and how many are still to come. */
  private readonly linked = new Map<string, { fd: number; left: number }>();
  private readonly buffer = Buffer.allocUnsafe(chunkBytes);

  constructor(private readonly options: CopyOptions) {}

  close(): void {
    for (const { fd } of this.linked.values()) closeSync(fd);
    this.linked.clear();
  }

  /**
   * Makes `to`, which is not there yet, a copy of `from`. A device or socket is left out: then `to` is not made.
   * @throws SystemError, cancelled; then a part of the copy is left for the caller to remove
   */
  async copy(from: Entry, to: Entry, depth = 0): Promise<void> {
    await this.options.pace.step();
    const source = openat2(from.folder, from.name, { flags: O_PATH | constants.O_NOFOLLOW, resolve });
    try {
      const status = statx(source, '');
      if (status.type === fileTypes.directory) await this.folder(from, to, status, depth);
      else if (status.type === fileTypes.file) await this.file(source, to, status);
      else if (status.type === fileTypes.symlink) this.link(source, to, status);
      else this.special(source, to, status);
    } finally {
      closeSync(source);
    }
  }

  private copied(files: number, entries: number, bytes: number): void {
    this.options.onCopied?.({ files, entries, bytes });
  }

  private async folder(from: Entry, to: Entry, status: FileStatus, depth: number): Promise<void> {
    if (depth >= deepest) {
      throw new SystemError('ELOOP', -40, 'openat2', String(from.name), 'too many folders in one another');
    }
    // What was asked for may be a mount itself; those below it are left out.
    const source = openFolder(from.folder, from.name, depth === 0);
    try {
      mkdirat(to.folder, to.name, 0o700);
      const target = openFolder(to.folder, to.name);
      try {
        await this.content(source, target, depth);
        // Last: what was put into it has changed its times, and its mode may refuse to be written to.
        this.finish(source, target, to, status);
      } finally {
        closeSync(target);
      }
    } finally {
      closeSync(source);
    }
    this.copied(0, 1, 0);
  }

  private async content(source: number, target: number, depth: number): Promise<void> {
    for (const name of namesIn(source)) {
      try {
        if (statx(source, name).isMountPoint) this.options.onLeftOut?.('mount');
        else await this.copy({ folder: source, name }, { folder: target, name }, depth + 1);
      } catch (error) {
        // Deleted meanwhile, if it is the source that is missing.
        if (!failedWith(error, 'ENOENT') || isThere(source, name)) throw error;
      }
    }
  }

  private async file(there: number, to: Entry, status: FileStatus): Promise<void> {
    const key = `${status.device} ${status.inode}`;
    const first = status.links > 1 ? this.linked.get(key) : undefined;
    if (first !== undefined) {
      linkDescriptor(first.fd, to.folder, to.name);
      if (--first.left === 0) {
        this.linked.delete(key);
        closeSync(first.fd);
      }
      return this.copied(1, 1, 0);
    }
    const source = reopen(there, constants.O_RDONLY);
    try {
      const target = openat2(to.folder, to.name, { flags: newFile, mode: 0o600, resolve });
      let isKept = false;
      try {
        await this.bytes(source, target, status.size);
        this.finish(there, target, to, status);
        if (status.links > 1 && this.linked.size < mostLinked) {
          this.linked.set(key, { fd: target, left: status.links - 1 });
          isKept = true;
        }
      } finally {
        if (!isKept) closeSync(target);
      }
    } finally {
      closeSync(source);
    }
    this.copied(1, 1, 0);
  }

  /** Extent by extent: holes stay holes. What the file grows by meanwhile is not waited for. */
  private async bytes(source: number, target: number, size: number): Promise<void> {
    let told = 0;
    for (let extent = nextExtent(source, 0); extent !== undefined; extent = nextExtent(source, extent.end)) {
      const end = Math.min(extent.end, size);
      for (let position = extent.start; position < end; ) {
        const read = readSync(source, this.buffer, 0, Math.min(chunkBytes, end - position), position);
        if (read === 0) break;
        writeAll(target, this.buffer.subarray(0, read), position);
        position += read;
        this.copied(0, 0, position - told);
        told = position;
        await this.options.pace.rest();
      }
      if (extent.end >= size) break;
    }
    ftruncateSync(target, size);
    this.copied(0, 0, size - told);
  }

  private link(source: number, to: Entry, status: FileStatus): void {
    symlinkat(readlinkat(source, ''), to.folder, to.name);
    this.finishNamed(source, to, status);
  }

  private special(source: number, to: Entry, status: FileStatus): void {
    const kind = status.type === fileTypes.fifo ? 'fifo' : status.type === fileTypes.socket ? 'socket' : 'device';
    if (kind !== 'fifo' || this.options.keep === 'plain') {
      this.options.onLeftOut?.(kind);
      return;
    }
    mknodat(to.folder, to.name, status.type | 0o600);
    this.finishNamed(source, to, status);
  }

  /** What cannot be made open is opened by its name; somebody inside may have put something else in its place. */
  private finishNamed(source: number, to: Entry, status: FileStatus): void {
    const target = openat2(to.folder, to.name, { flags: O_PATH | constants.O_NOFOLLOW, resolve });
    try {
      if (statx(target, '').type === status.type) this.finish(source, target, to, status);
    } finally {
      closeSync(target);
    }
    this.copied(1, 1, 0);
  }

  /** Owner before mode and attributes: the kernel drops setuid bits and capabilities with a change of owner. */
  private finish(source: number, target: number, to: Entry, status: FileStatus): void {
    const made = `/proc/self/fd/${target}`;
    const all = this.options.keep === 'all';
    if (all) this.giveAway(made, status);
    if (status.type !== fileTypes.symlink) {
      if (all) this.copyXattrs(source, target);
      if (!all && (status.mode & 0o6000) !== 0) this.options.onLeftOut?.('bits');
      chmodSync(made, all ? status.mode : status.mode & 0o777);
    }
    utimensat(to.folder, to.name, status.mtimeNs, status.mtimeNs);
  }

  /** An owner whom the id map does not have cannot be given: the copy stays with root. */
  private giveAway(made: string, { uid, gid }: FileStatus): void {
    try {
      chownSync(made, uid, gid);
    } catch (error) {
      if (!failedWith(error, 'EINVAL')) throw error;
      this.options.onLeftOut?.('owner');
    }
  }

  private copyXattrs(source: number, target: number): void {
    for (const name of listXattrs(source)) {
      const value = layerXattr.test(name) ? undefined : findXattr(source, name);
      try {
        if (value !== undefined) setXattr(target, name, value);
      } catch (error) {
        // The file system there has none of this kind, or they are the machine's to give.
        if (!failedWith(error, 'ENOTSUP', 'EOPNOTSUPP', 'EPERM')) throw error;
        this.options.onLeftOut?.('attribute');
      }
    }
  }
}

/** An overlay's own attributes are about the layer that a file is in, not about the file. */
const layerXattr = /^(user|trusted)\.overlay\./;

/** Whether something has the name. */
export function isThere(folder: number, name: Path): boolean {
  try {
    statx(folder, name);
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false;
    throw error;
  }
}

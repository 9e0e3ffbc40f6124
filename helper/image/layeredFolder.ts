import { type BigIntStats, closeSync, constants, fstatSync, openSync, readdirSync } from 'node:fs';
import {
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../native/bindings/openat2.js';
import { getXattr } from '../../native/bindings/xattr.js';
import { type ByteString, toBytes } from './entryPath.js';
import { failedWith } from './failure.js';
import { opaqueXattr } from './whiteouts.js';

/** Something in a layer, open (O_PATH): nothing of it is read, waited for or followed by having it. */
export interface LayerEntry {
  fd: number;
  stats: BigIntStats;
}

/** What an overlay shows under a name. */
export type Found = LayerEntry & { folder?: LayeredFolder };

const within = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
/** Of openat2(2), for roots such as this machine's, which consist of several mounts. */
export const acrossMounts = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

/**
 * Opens what has the name in a folder, links not followed. The caller closes it.
 * @returns undefined when there is nothing of that name.
 * @throws SystemError; EXDEV for a mount point.
 */
export function openEntry(folderFd: number, name: ByteString, resolve = within): LayerEntry | undefined {
  let fd: number;
  try {
    fd = openat2(folderFd, toBytes(name), { flags: O_PATH | constants.O_NOFOLLOW, resolve });
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
  return { fd, stats: fstatSync(fd, { bigint: true }) };
}

/** The same; `mounted` where something is mounted. */
export function openUnlessMounted(folderFd: number, name: ByteString): LayerEntry | 'mounted' | undefined {
  try {
    return openEntry(folderFd, name);
  } catch (error) {
    if (failedWith(error, 'EXDEV')) return 'mounted';
    throw error;
  }
}

/** Names in a folder, as bytes, in the order of bytes. */
export function namesIn(folderFd: number): ByteString[] {
  return readdirSync(`/proc/self/fd/${folderFd}`, 'latin1').sort();
}

/**
 * How overlayfs reads the mark of a folder when it is mounted with `userxattr`: `y` hides what lies below it, `x` says
 * that empty files in it may be whiteouts. Source: Documentation/filesystems/overlayfs.rst of the kernel.
 */
function mark(fd: number): string {
  return xattrOf(fd, opaqueXattr)?.toString('latin1') ?? '';
}

function xattrOf(fd: number, name: string): Buffer | undefined {
  try {
    return getXattr(fd, name);
  } catch (error) {
    // EACCES: what we may not look at is not in our container's hands either.
    if (failedWith(error, 'ENODATA', 'ENOTSUP', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}

/** Whether an entry of a layer stands for "not here": a device 0:0, or an empty file marked so in a marked folder. */
function isWhiteout({ fd, stats }: LayerEntry, folderMark: string): boolean {
  if (stats.isCharacterDevice()) return stats.rdev === 0n;
  return (
    folderMark === 'x' && stats.isFile() && stats.size === 0n && xattrOf(fd, 'user.overlay.whiteout') !== undefined
  );
}

/** A folder of one layer with its mark, read once. */
export class LayerFolder {
  readonly mark: string;

  /** @param fd becomes this object's. */
  constructor(readonly fd: number) {
    this.mark = mark(fd);
  }

  isWhiteout(entry: LayerEntry): boolean {
    return isWhiteout(entry, this.mark);
  }

  /** Whether the name is a whiteout here, or gone meanwhile. */
  hides(name: ByteString): boolean {
    const entry = openEntry(this.fd, name);
    if (entry === undefined) return true;
    try {
      return this.isWhiteout(entry);
    } finally {
      closeSync(entry.fd);
    }
  }
}

/**
 * One folder of an overlay that need not be mounted: the folders of its layers, merged as overlayfs merges them. The
 * topmost layer that has a name decides, folders are merged, whiteouts and opaque folders hide what lies below.
 */
export class LayeredFolder {
  private constructor(
    private readonly layers: readonly LayerFolder[],
    private readonly resolve: number,
  ) {}

  /**
   * Opens the root of these layers, top first. The caller closes it.
   * @param resolve RESOLVE_* for what is looked up in it: `acrossMounts`, or nothing where a mount point is to be refused.
   * @throws SystemError
   */
  static open(paths: readonly string[], resolve = within): LayeredFolder {
    const layers: LayerFolder[] = [];
    try {
      for (const path of paths) {
        const layer = new LayerFolder(openSync(path, O_PATH | constants.O_DIRECTORY));
        layers.push(layer);
        if (layer.mark === 'y') break;
      }
      return new LayeredFolder(layers, resolve);
    } catch (error) {
      for (const { fd } of layers) closeSync(fd);
      throw error;
    }
  }

  /** The topmost of its folders: its attributes are what is seen. */
  get fd(): number {
    const [top] = this.layers;
    if (top === undefined) throw new Error('A folder has at least one layer');
    return top.fd;
  }

  /** What is seen under a name; the caller closes it with `closeFound`. @throws SystemError */
  lookUp(name: ByteString): Found | undefined {
    const folders: LayerFolder[] = [];
    let first: BigIntStats | undefined;
    try {
      for (const layer of this.layers) {
        const entry = openEntry(layer.fd, name, this.resolve);
        if (entry === undefined) continue;
        if (!entry.stats.isDirectory()) {
          if (folders.length === 0 && !layer.isWhiteout(entry)) return entry;
          closeSync(entry.fd);
          break;
        }
        const folder = new LayerFolder(entry.fd);
        folders.push(folder);
        first ??= entry.stats;
        if (folder.mark === 'y') break;
      }
    } catch (error) {
      for (const { fd } of folders) closeSync(fd);
      throw error;
    }
    if (first === undefined) return undefined;
    const folder = new LayeredFolder(folders, this.resolve);
    return { fd: folder.fd, stats: first, folder };
  }

  /** The same; what is mounted there counts as an empty folder, or, when it is none, as nothing. @throws SystemError */
  lookUpUnlessMounted(name: ByteString): Found | undefined {
    try {
      return this.lookUp(name);
    } catch (error) {
      if (!failedWith(error, 'EXDEV')) throw error;
    }
    const fd = openat2(this.fd, toBytes(name), { flags: O_PATH | constants.O_NOFOLLOW, resolve: RESOLVE_NO_SYMLINKS });
    const stats = fstatSync(fd, { bigint: true });
    if (stats.isDirectory()) return { fd, stats };
    closeSync(fd);
    return undefined;
  }

  /** Names that are seen, in the order of bytes. @throws SystemError */
  names(): ByteString[] {
    const decided = new Map<ByteString, boolean>();
    for (const layer of this.layers) {
      for (const entry of readdirSync(`/proc/self/fd/${layer.fd}`, { withFileTypes: true, encoding: 'latin1' })) {
        if (decided.has(entry.name)) continue;
        const maybe = entry.isCharacterDevice() || (layer.mark === 'x' && entry.isFile());
        decided.set(entry.name, !maybe || !layer.hides(entry.name));
      }
    }
    return [...decided].flatMap(([name, isShown]) => (isShown ? [name] : [])).sort();
  }

  close(): void {
    for (const { fd } of this.layers) closeSync(fd);
  }

  /** Closes all but the topmost of its folders, whose descriptor becomes the caller's. */
  takeTop(): number {
    for (const { fd } of this.layers.slice(1)) closeSync(fd);
    return this.fd;
  }
}

export function closeFound({ fd, folder }: Found): void {
  if (folder === undefined) closeSync(fd);
  else folder.close();
}

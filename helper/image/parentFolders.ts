import { closeSync, constants, readlinkSync } from 'node:fs';
import { mkdirat } from '../../native/bindings/at.js';
import {
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../native/bindings/openat2.js';
import { type ByteString, toBytes } from './entryPath.js';
import { badInput, failedWith, shown } from './failure.js';

/** A folder below the root, open (O_PATH). */
export interface Folder {
  fd: number;
  /** From the root, links resolved; empty for the root itself. */
  path: ByteString;
}

const capacity = 128;
const folderFlags = O_PATH | constants.O_DIRECTORY;
const resolveAlways = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;

/**
 * The folders that entries are put into, by descriptor. Archives list entries folder by folder, so the last few are
 * kept open. The path of an entry may lead through links (`lib -> usr/lib`): these are followed, inside the root.
 */
export class ParentFolders {
  /** In the order of last use. */
  private readonly open = new Map<ByteString, Folder>();
  private readonly rootPath: ByteString;

  /**
   * @param rootFd stays the caller's.
   * @param onMake is told of folders that had to be made because the archive does not list them before their content.
   */
  constructor(
    private readonly rootFd: number,
    private readonly onMake: (path: ByteString) => void,
  ) {
    this.rootPath = readlinkSync(`/proc/self/fd/${rootFd}`, 'latin1');
  }

  /**
   * The folder at these components, made when missing. Valid until the next `get` or `close`.
   * @throws TerrariumError BadInput when the way leads through a file, a dangling link or a loop.
   */
  get(components: readonly ByteString[]): Folder {
    if (components.length === 0) {
      return { fd: this.rootFd, path: '' };
    }
    const key = components.join('/');
    return this.remember(key, this.open.get(key) ?? this.resolve(key) ?? this.make(components, key));
  }

  /** The same, without making it: undefined when it is missing. What `get` answered last stays valid. */
  find(components: readonly ByteString[]): Folder | undefined {
    if (components.length === 0) {
      return { fd: this.rootFd, path: '' };
    }
    const key = components.join('/');
    const folder = this.open.get(key) ?? this.resolve(key);
    return folder && this.remember(key, folder);
  }

  /** To be called when something was replaced: folders may be reached on other ways now, or be gone. */
  close(): void {
    for (const { fd } of this.open.values()) {
      closeSync(fd);
    }
    this.open.clear();
  }

  private resolve(key: ByteString): Folder | undefined {
    const path = toBytes(key);
    try {
      const resolve = resolveAlways | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
      return { fd: openat2(this.rootFd, path, { flags: folderFlags, resolve }), path: key };
    } catch (error) {
      if (!failedWith(error, 'ELOOP')) {
        return missing(error, path);
      }
    }
    try {
      const fd = openat2(this.rootFd, path, { flags: folderFlags, resolve: resolveAlways | RESOLVE_IN_ROOT });
      const real: ByteString = readlinkSync(`/proc/self/fd/${fd}`, 'latin1');
      return { fd, path: real.slice(this.rootPath.length + 1) };
    } catch (error) {
      return missing(error, path);
    }
  }

  private make(components: readonly ByteString[], key: ByteString): Folder {
    const parent = this.get(components.slice(0, -1));
    const name = components.at(-1) ?? '';
    try {
      mkdirat(parent.fd, toBytes(name), 0o700);
    } catch (error) {
      // Something is there and yet cannot be opened as a folder.
      throw failedWith(error, 'EEXIST') ? blocked('a link that leads nowhere', toBytes(key)) : error;
    }
    const path = parent.path === '' ? name : `${parent.path}/${name}`;
    this.onMake(path);
    const folder = this.resolve(key);
    if (!folder) {
      throw blocked('a link that leads nowhere', toBytes(key));
    }
    return folder;
  }

  private remember(key: ByteString, folder: Folder): Folder {
    this.open.delete(key);
    this.open.set(key, folder);
    this.evict();
    return folder;
  }

  private evict(): void {
    for (const [key, { fd }] of this.open) {
      if (this.open.size <= capacity) {
        return;
      }
      closeSync(fd);
      this.open.delete(key);
    }
  }
}

function missing(error: unknown, path: Buffer): undefined {
  if (failedWith(error, 'ENOENT')) {
    return undefined;
  }
  if (failedWith(error, 'ENOTDIR')) {
    throw blocked('something that is no folder', path);
  }
  if (failedWith(error, 'ELOOP')) {
    throw blocked('a loop of links', path);
  }
  if (failedWith(error, 'ENAMETOOLONG')) {
    throw blocked('a path that is too long for this place', path);
  }
  throw error;
}

function blocked(by: string, path: Buffer) {
  return badInput(`The archive was refused: ${shown(path)} leads through ${by}`);
}

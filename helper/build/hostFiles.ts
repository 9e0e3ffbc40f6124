import { constants, promises as fs, type Stats } from 'node:fs';
import * as path from 'node:path';
import { badInput, explained, failedWith } from '../image/failure.js';
import type { ReadBytes } from './elf.js';

/** What is at a path of this machine, the last link not followed. */
export type HostNode =
  | { kind: 'folder'; mode: number }
  | { kind: 'link'; target: string }
  /** `modified`: seconds since the epoch. */
  | { kind: 'file'; mode: number; size: number; modified: number }
  /** A device, socket or pipe. */
  | { kind: 'other' };

/** A path with its links followed, and each link on the way. */
export interface Resolved {
  /** Free of links, `.` and `..`. */
  path: string;
  node: HostNode;
  /** Paths of links, each free of links but for itself. */
  links: { path: string; target: string }[];
}

/** The kernel's MAXSYMLINKS. */
const mostLinks = 40;

/**
 * This machine's files, for reading, remembered once they were looked at. Links are followed here and not by the kernel,
 * so that what lies on the way is known and may be copied too.
 */
export class HostFiles {
  private readonly seen = new Map<string, Promise<HostNode | undefined>>();

  /** @param root a folder that is taken for `/`. */
  constructor(private readonly root = '/') {}

  /** @param file absolute. @returns undefined when nothing is there, or this user may not know. */
  look(file: string): Promise<HostNode | undefined> {
    let node = this.seen.get(file);
    if (node === undefined) {
      node = this.readNode(file);
      this.seen.set(file, node);
    }
    return node;
  }

  /** @returns undefined when the path leads nowhere. */
  async resolve(file: string): Promise<Resolved | undefined> {
    const links: Resolved['links'] = [];
    const rest = file.split('/').filter((part) => part !== '' && part !== '.');
    let at = '/';
    for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
      if (part === '..') {
        at = path.dirname(at);
        continue;
      }
      const next = path.join(at, part);
      const node = await this.look(next);
      if (node?.kind === 'link') {
        if (links.length === mostLinks) return undefined;
        links.push({ path: next, target: node.target });
        rest.unshift(...node.target.split('/').filter((one) => one !== '' && one !== '.'));
        if (node.target.startsWith('/')) at = '/';
      } else if (node === undefined || (rest.length > 0 && node.kind !== 'folder')) {
        return undefined;
      } else {
        at = next;
      }
    }
    const node = await this.look(at);
    return node === undefined ? undefined : { path: at, node, links };
  }

  /** Names in a folder, sorted. Empty when there is none, or this user may not list it. */
  async list(folder: string): Promise<string[]> {
    try {
      return (await fs.readdir(this.real(folder))).sort();
    } catch (error) {
      if (failedWith(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return [];
      throw error;
    }
  }

  /**
   * Opens a regular file and reads what `use` asks for.
   * @throws TerrariumError BadInput when this user may not read it.
   */
  async reading<T>(file: string, use: (read: ReadBytes) => Promise<T>): Promise<T> {
    let handle: fs.FileHandle;
    try {
      // A FIFO that has taken the file's place must not block us.
      handle = await fs.open(this.real(file), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    } catch (error) {
      throw explained(error, `read ${file}`, file);
    }
    try {
      if (!(await handle.stat()).isFile()) throw badInput(`${file} is no regular file any more`, { path: file });
      return await use(async (offset, length) => {
        const buffer = Buffer.alloc(length);
        let done = 0;
        for (let count = -1; count !== 0 && done < length; done += count) {
          count = (await handle.read(buffer, done, length - done, offset + done)).bytesRead;
        }
        return buffer.subarray(0, done);
      });
    } finally {
      await handle.close();
    }
  }

  private real(file: string): string {
    return path.join(this.root, file);
  }

  private async readNode(file: string): Promise<HostNode | undefined> {
    try {
      const stats = await fs.lstat(this.real(file));
      return stats.isSymbolicLink() ? { kind: 'link', target: await fs.readlink(this.real(file)) } : nodeOf(stats);
    } catch (error) {
      if (failedWith(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ENAMETOOLONG')) return undefined;
      throw error;
    }
  }
}

function nodeOf(stats: Stats): HostNode {
  const mode = stats.mode & 0o7777;
  if (stats.isDirectory()) return { kind: 'folder', mode };
  if (stats.isFile()) return { kind: 'file', mode, size: stats.size, modified: Math.floor(stats.mtimeMs / 1000) };
  return { kind: 'other' };
}

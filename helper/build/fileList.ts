import * as path from 'node:path';
import type { BuiltFile } from '../protocol/images.js';
import type { HostFiles, Resolved } from './hostFiles.js';

/** One entry of the image's root. Paths are absolute in it. */
export type ListedFile = { path: string; why: string } & (
  | { kind: 'folder'; mode: number }
  | { kind: 'link'; target: string }
  /** Copied from the same path of this machine. `modified`: seconds since the epoch. */
  | { kind: 'copy'; mode: number; size: number; modified: number }
  | { kind: 'made'; mode: number; content: Buffer }
);

/**
 * What goes into an image, at the paths that it has on this machine: with each file come the folders and links on the
 * way to it, so that every name for it that works here works there. The first reason given for a path stays.
 */
export class FileList {
  private readonly byPath = new Map<string, ListedFile>();

  constructor(private readonly files: HostFiles) {}

  /**
   * Adds what is at a path: a file, or a folder by itself.
   * @returns it, or undefined when nothing is there or it is a device or the like.
   */
  async add(file: string, why: string): Promise<Resolved | undefined> {
    const resolved = await this.files.resolve(file);
    if (resolved === undefined || resolved.node.kind === 'other') return undefined;
    for (const link of resolved.links) {
      await this.addParents(link.path);
      this.put({ kind: 'link', path: link.path, target: link.target, why: `on the way: ${why}` });
    }
    await this.addParents(resolved.path);
    const { node } = resolved;
    if (node.kind === 'folder') this.put({ kind: 'folder', path: resolved.path, mode: node.mode, why });
    else if (node.kind === 'file') {
      const { mode, size, modified } = node;
      this.put({ kind: 'copy', path: resolved.path, mode, size, modified, why });
    }
    return resolved;
  }

  /** Adds a file that this machine does not have as it is. It takes the place of one that it has. */
  async make(file: string, content: string | Buffer, why: string, mode = 0o644): Promise<void> {
    const folder = await this.files.resolve(path.dirname(file));
    const target = folder?.node.kind === 'folder' ? path.join(folder.path, path.basename(file)) : file;
    await this.addParents(target);
    this.byPath.set(target, { kind: 'made', path: target, mode, content: Buffer.from(content), why });
  }

  /** Adds a folder that need not exist here. */
  makeFolder(folder: string, mode: number, why: string): void {
    this.put({ kind: 'folder', path: folder, mode, why });
  }

  /** All of them, sorted so that a folder comes before what is in it. */
  entries(): ListedFile[] {
    return [...this.byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  private async addParents(file: string): Promise<void> {
    const folder = path.dirname(file);
    if (folder === '/' || this.byPath.has(folder)) return;
    await this.addParents(folder);
    const node = await this.files.look(folder);
    // Homes and the like: others must be able to pass through to what is copied from there.
    const mode = node?.kind === 'folder' ? node.mode | 0o111 : 0o755;
    this.put({ kind: 'folder', path: folder, mode, why: 'a folder on the way' });
  }

  private put(file: ListedFile): void {
    if (!this.byPath.has(file.path)) this.byPath.set(file.path, file);
  }
}

/** What people are told of an entry. */
export function describeFile(file: ListedFile): BuiltFile {
  return { path: file.path, ...(file.kind === 'copy' ? { source: file.path } : {}), why: file.why };
}

import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import * as path from 'node:path';
import { readMounts } from '../inspect/mountinfo.js';

/** One entry of this machine's `/`, or of a folder that was opened up: `name` is its path without the first slash. */
export type HostEntry =
  | { name: string; kind: 'link'; target: string }
  | { name: string; kind: 'file' }
  | { name: string; kind: 'folder'; mode: number; isEmpty: boolean };

/** What becomes of an entry in a container on the host's root. */
export type HostPart =
  | { name: string; kind: 'link'; target: string }
  /** Empty and the container's own. */
  | { name: string; kind: 'empty'; mode: number }
  /** Merged with a writable layer. */
  | { name: string; kind: 'overlay' }
  /** Seen as it is, mounts below it too, read-only. */
  | { name: string; kind: 'bind' };

/** Not the container's business, or made new for it. */
const ownFolders = ['home', 'root', 'run', 'tmp', 'media', 'mnt', 'boot', 'lost+found', 'proc', 'sys', 'dev'];

/**
 * An overlay on `/` itself is not possible: in a user namespace mounts are locked onto what they cover, and the kernel
 * refuses as a layer (EINVAL) any folder with a locked mount below it, for the overlay would show what that hides. So
 * each folder of the system becomes an overlay of its own, or a read-only bind where something is mounted below. Pure.
 */
export function decideHostRoot(entries: readonly HostEntry[], mountPoints: readonly string[]): HostPart[] {
  return entries.map((entry): HostPart => {
    if (entry.kind === 'link') return entry;
    if (entry.kind === 'file') return { name: entry.name, kind: 'bind' };
    const { name, mode } = entry;
    if (ownFolders.includes(name) || entry.isEmpty) return { name, kind: 'empty', mode };
    return { name, kind: mountPoints.some((point) => point.startsWith(`/${name}/`)) ? 'bind' : 'overlay' };
  });
}

/** What a container does not get to see of this machine's folders, beside the ones that are never its business. Absolute paths. */
export interface HostView {
  /**
   * What is above these is opened up: the folders on the way are the container's own, their other entries parts for
   * themselves. A folder with our data below it cannot be a layer: an upper layer inside of a lower one is refused (ELOOP).
   */
  opened: readonly string[];
  /** Seen empty. */
  hidden: readonly string[];
}

/**
 * Where our data and the person's home are: hidden wherever they lie. A home of somebody else's (`/`, `/usr/sbin`: those of
 * services) is a folder of the system and stays.
 */
export function hostView(data: string, home: { path: string; isOwn: boolean }, more: readonly string[]): HostView {
  const own = home.isOwn && home.path !== '/' ? [data, home.path] : [data];
  return { opened: own, hidden: [...own, ...more] };
}

/**
 * Reads `/` as it is now. Folders that this user cannot list are left out: they could not be used inside either.
 */
export function readHostRoot({ opened, hidden }: HostView): HostPart[] {
  const read = (parent: string): HostEntry[] =>
    readdirSync(parent, { withFileTypes: true }).flatMap((entry): HostEntry[] => {
      const at = path.join(parent, entry.name);
      const name = at.slice(1);
      if (entry.isSymbolicLink()) return [{ name, kind: 'link', target: readlinkSync(at) }];
      if (!entry.isDirectory()) return parent !== '/' && entry.isFile() ? [{ name, kind: 'file' }] : [];
      const mode = lstatSync(at).mode & 0o7777;
      if (ownFolders.includes(name) || hidden.includes(at)) return [{ name, kind: 'folder', mode, isEmpty: true }];
      try {
        if (opened.some((folder) => folder.startsWith(`${at}/`)))
          return [{ name, kind: 'folder', mode, isEmpty: true }, ...read(at)];
        return [{ name, kind: 'folder', mode, isEmpty: readdirSync(at).length === 0 }];
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EACCES' || code === 'ENOENT') return [];
        throw error;
      }
    });
  const mountPoints = (readMounts(process.pid) ?? []).map((mount) => mount.destination);
  return decideHostRoot(read('/'), mountPoints);
}

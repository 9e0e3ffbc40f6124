import { lstatSync, opendirSync, readdirSync, readlinkSync } from 'node:fs';
import * as path from 'node:path';
import { type HostView, hasExceptions, isWithin, nearestRule } from './hostView.js';

/** One entry of a folder of this machine. */
export type HostEntry =
  | { name: string; kind: 'link'; target: string }
  | { name: string; kind: 'file' }
  | { name: string; kind: 'folder'; mode: number };

/** What becomes of an entry in a container on the host's root. `name` is its path without the first slash. */
export type HostPart =
  | { name: string; kind: 'link'; target: string }
  /** The container's own: empty, but for parts below it. */
  | { name: string; kind: 'empty'; mode: number }
  /** Merged with a writable layer. */
  | { name: string; kind: 'overlay' }
  /** Seen as it is, mounts below it too, read-only. */
  | { name: string; kind: 'bind' };

/**
 * An overlay on `/` itself is not possible: in a user namespace mounts are locked onto what they cover, and the kernel
 * refuses as a layer (EINVAL) any folder with a locked mount below it, for the overlay would show what that hides. So
 * each folder of the system becomes an overlay of its own, or a read-only bind where something is mounted below. A folder
 * with our data below it cannot be a layer either (ELOOP: an upper layer inside of a lower one); like every other in which
 * something is seen differently it is taken apart: it becomes the container's own, and its entries parts for themselves.
 *
 * In a folder that is hidden only the way to what is shown is looked at, so that it need not be one that can be listed.
 *
 * @param host tells of absolute paths; undefined for what this user may not look at.
 */
export function decideHostRoot(view: HostView, mountPoints: readonly string[], host: HostReader): HostPart[] {
  const decide = (entry: HostEntry, at: string): HostPart[] => {
    const name = at.slice(1);
    const seen = nearestRule(view, at)?.seen ?? true;
    const apart = hasExceptions(view, at);
    if (entry.kind === 'link') return seen ? [{ name, kind: 'link', target: entry.target }] : [];
    if (entry.kind === 'file') return seen ? [{ name, kind: 'bind' }] : [];
    const empty: HostPart = { name, kind: 'empty', mode: entry.mode };
    if (!seen) return apart ? [empty, ...onTheWay(at)] : [empty];
    const isEmpty = host.isEmpty(at);
    // It could not be used inside either.
    if (isEmpty === undefined) return [];
    if (isEmpty) return [empty];
    if (apart) return [empty, ...(host.list(at) ?? []).flatMap((child) => decide(child, path.join(at, child.name)))];
    const isMounted = mountPoints.some((point) => point !== at && isWithin(point, at));
    return [{ name, kind: isMounted ? 'bind' : 'overlay' }];
  };
  const onTheWay = (folder: string): HostPart[] => {
    const below = view.filter((rule) => rule.seen && rule.path !== folder && isWithin(rule.path, folder));
    const names = new Set(below.map((rule) => rule.path.slice(folder.length + 1).split('/')[0] ?? ''));
    return [...names].sort().flatMap((name) => {
      const at = path.join(folder, name);
      const entry = host.look(at);
      return entry === undefined ? [] : decide(entry, at);
    });
  };
  return (host.list('/') ?? []).flatMap((entry) => decide(entry, path.join('/', entry.name)));
}

/** How this machine is looked at. */
export interface HostReader {
  list(folder: string): readonly HostEntry[] | undefined;
  isEmpty(folder: string): boolean | undefined;
  look(file: string): HostEntry | undefined;
}

/** Reads `/` as it is now. */
export function readHostRoot(view: HostView, mountPoints: readonly string[]): HostPart[] {
  return decideHostRoot(view, mountPoints, { list: listFolder, isEmpty, look: lookAt });
}

function listFolder(folder: string): HostEntry[] | undefined {
  // In `/` itself files are what a distribution or an engine left there.
  return unlessRefused(() => readdirSync(folder))?.flatMap((name) => {
    const entry = lookAt(path.join(folder, name));
    return entry === undefined || (entry.kind === 'file' && folder === '/') ? [] : [entry];
  });
}

/** Of large folders too it is known by one entry. */
function isEmpty(folder: string): boolean | undefined {
  return unlessRefused(() => {
    const open = opendirSync(folder);
    try {
      return open.readSync() === null;
    } finally {
      open.closeSync();
    }
  });
}

/** Devices, sockets and pipes are nobody's business inside. */
function lookAt(file: string): HostEntry | undefined {
  const name = path.basename(file);
  return unlessRefused((): HostEntry | undefined => {
    const stats = lstatSync(file);
    if (stats.isSymbolicLink()) return { name, kind: 'link', target: readlinkSync(file) };
    if (stats.isDirectory()) return { name, kind: 'folder', mode: stats.mode & 0o7777 };
    return stats.isFile() ? { name, kind: 'file' } : undefined;
  });
}

/** Undefined for what this user may not look at, and for what has gone meanwhile. */
function unlessRefused<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'ENOENT') return undefined;
    throw error;
  }
}

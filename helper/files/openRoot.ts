/** A root by descriptor: every path is resolved below it by the kernel, and from then on used by descriptor. */
import { closeSync, constants } from 'node:fs';
import { tryFlock } from '../../native/bindings/flock.js';
import { O_PATH, openat2, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from '../../native/bindings/openat2.js';
import { openRootOf } from '../inspect/root.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import { openLease } from './lease.js';
import type { RootView } from './view.js';

export interface OpenRoot {
  /** O_PATH. */
  fd: number;
  view: RootView;
}

/**
 * Opens the root of a view for the time of `work`, with a hold of our own on its lease: should the helper that asked be
 * killed, nobody mounts the root again before we have let go of it.
 * @throws NotFound when the view has ended
 */
export async function withOpenRoot<T>(view: RootView, work: (root: OpenRoot) => T | Promise<T>): Promise<T> {
  const lease = openLease(view.folder);
  try {
    if (!tryFlock(lease, 'shared')) {
      throw terrariumError(ErrorCode.WrongState, 'The container is being started or removed', { fix: 'Try again.' });
    }
    const fd = openRootOf(view);
    try {
      return await work({ fd, view });
    } finally {
      closeSync(fd);
    }
  } finally {
    closeSync(lease);
  }
}

/** Links like /proc/PID/root lead to where no path inside does. */
const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

/** Opens a path of the root. @param flags O_*; O_CREAT and the like only in a folder that is open: see `inFolder`. */
export function openIn(root: OpenRoot, path: string, flags: number): number {
  checkPath(path);
  return openat2(root.fd, path, { flags, resolve });
}

/** Calls `work` with a descriptor of what is at `path`, O_PATH, and closes it. @param follow a link in the last component */
export function at<T>(root: OpenRoot, path: string, follow: boolean, work: (fd: number) => T): T {
  const fd = openIn(root, path, O_PATH | (follow ? 0 : constants.O_NOFOLLOW));
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

/** The folder that a path lies in, open (O_PATH), and its last component. */
export interface Place {
  folder: number;
  name: string;
}

/**
 * Opens the folder that `path` lies in; `close` is the caller's.
 * @throws Invalid when the path names no entry of a folder
 */
export function openPlace(root: OpenRoot, path: string): Place & { close(): void } {
  const { parent, name } = splitPath(path);
  const folder = openIn(root, parent, O_PATH | constants.O_DIRECTORY);
  return { folder, name, close: () => closeSync(folder) };
}

/** The same for the time of `work`. */
export function inFolder<T>(root: OpenRoot, path: string, work: (place: Place) => T): T {
  const place = openPlace(root, path);
  try {
    return work(place);
  } finally {
    place.close();
  }
}

/** Pure. @throws Invalid for the root, and for what ends in `..` */
export function splitPath(path: string): { parent: string; name: string } {
  checkPath(path);
  const components = path.split('/').filter((component) => component !== '' && component !== '.');
  const name = components.pop();
  if (name === undefined || name === '..') throw invalid(path, 'It names the root itself, or no file.');
  return { parent: `/${components.join('/')}`, name };
}

function checkPath(path: string): void {
  if (typeof path !== 'string' || !path.startsWith('/')) throw invalid(path, 'Paths in a root begin with a slash.');
  if (path.includes('\0')) throw invalid(path, 'There is a NUL in it.');
}

function invalid(path: string, cause: string): Error {
  return terrariumError(ErrorCode.Invalid, `Not a path of a file: ${JSON.stringify(path)}`, { path, cause });
}

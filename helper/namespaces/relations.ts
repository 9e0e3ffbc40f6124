/** How namespaces hang together, asked of the kernel by ioctl_ns(2). */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { SystemError } from '../../native/bindings/libc.js';
import { ownerUid, owningUserNamespace, parentNamespace } from '../../native/bindings/namespaces.js';
import { O_PATH, openat2, RESOLVE_IN_ROOT } from '../../native/bindings/openat2.js';
import { fileSystemMagic, fstatfs } from '../../native/bindings/statfs.js';
import { isDenied, isGone } from '../inspect/proc.js';
import type { oci } from '../protocol/index.js';

/** What the kernel says of one namespace. A missing inode lies outside of what we may see. */
export interface Relations {
  owner?: number | undefined;
  parent?: number | undefined;
  ownerUid?: number;
}

export type RelatedNamespace = { type: oci.NamespaceType; inode: number } & Relations;

/** A place where a namespace can be opened: a magic link of /proc, or a path in the root of another process. */
export type NamespaceFile = string | { root: string; path: string };

/**
 * A namespace's relations, and those of the user and pid namespaces above it, also of such without a process; itself first.
 * Undefined when it is gone, when another has taken its place in `file`, and when we may not open it.
 */
export function readRelations(
  type: oci.NamespaceType,
  inode: number,
  file: NamespaceFile,
): RelatedNamespace[] | undefined {
  let fd: number;
  try {
    fd = openNamespace(file);
  } catch (error) {
    if (isGone(error) || isDenied(error) || hasCode(error, 'ENOTDIR') || hasCode(error, 'ELOOP')) return undefined;
    throw error;
  }
  try {
    // The process may have moved since its link was read.
    return fstatSync(fd).ino === inode ? relate(type, inode, fd) : undefined;
  } finally {
    closeSync(fd);
  }
}

function openNamespace(file: NamespaceFile): number {
  if (typeof file === 'string') return openSync(file, constants.O_RDONLY);
  const root = openSync(file.root, constants.O_RDONLY | constants.O_DIRECTORY);
  let found: number;
  try {
    found = openat2(root, file.path, { flags: O_PATH, resolve: RESOLVE_IN_ROOT });
  } finally {
    closeSync(root);
  }
  try {
    // Whoever owns that root may have put something there by now that waits or acts when it is opened: a FIFO, a device.
    if (fstatfs(found).magic !== fileSystemMagic.nsfs) throw new SystemError('ENOENT', -2, 'openat2', file.path);
    return openSync(`/proc/self/fd/${found}`, constants.O_RDONLY);
  } finally {
    closeSync(found);
  }
}

function relate(type: oci.NamespaceType, inode: number, fd: number): RelatedNamespace[] {
  const related: RelatedNamespace = { type, inode };
  const found = [related];
  if (type === 'user') related.ownerUid = ownerUid(fd);
  if (type === 'user' || type === 'pid') {
    related.parent = follow(parentNamespace, fd, (parent, number) => found.push(...relate(type, number, parent)));
  }
  related.owner =
    type === 'user'
      ? related.parent
      : follow(owningUserNamespace, fd, (owner, number) => found.push(...relate('user', number, owner)));
  return found;
}

/** The inode of what `ask` leads to, after `visit`; undefined when that is outside of what we may see. */
function follow(
  ask: (fd: number) => number,
  fd: number,
  visit: (fd: number, inode: number) => void,
): number | undefined {
  let next: number;
  try {
    next = ask(fd);
  } catch (error) {
    if (hasCode(error, 'EPERM')) return undefined;
    throw error;
  }
  try {
    const inode = fstatSync(next).ino;
    visit(next, inode);
    return inode;
  } finally {
    closeSync(next);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof SystemError && error.code === code;
}

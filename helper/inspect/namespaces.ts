/** /proc/PID/ns: which namespaces a process is in, and who shares them. */
import { readlinkSync } from 'node:fs';
import type { NamespaceInfo, NamespaceInodes, oci } from '../protocol/index.js';
import { procFolder, unlessGone } from './proc.js';

/** Names of the links in /proc/PID/ns. */
export const linkNames: Record<oci.NamespaceType, string> = {
  mount: 'mnt',
  uts: 'uts',
  ipc: 'ipc',
  network: 'net',
  pid: 'pid',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
};

export const namespaceTypes = Object.keys(linkNames) as oci.NamespaceType[];

const typesByLink = new Map(namespaceTypes.map((type) => [linkNames[type], type]));

/**
 * What a link to a namespace says, as `net:[4026531840]`: in /proc/PID/ns and /proc/PID/fd, and as the root of a mount of
 * nsfs. Undefined for any other text, and for the types of later kernels.
 */
export function parseNamespaceLink(link: string): { type: oci.NamespaceType; inode: number } | undefined {
  const match = /^([a-z]+):\[(\d+)\]$/.exec(link);
  const type = typesByLink.get(match?.[1] ?? '');
  return type === undefined ? undefined : { type, inode: Number(match?.[2]) };
}

/**
 * Inodes of a process's namespaces, or undefined when it has ended.
 * @throws SystemError-like EACCES for a process of another user, outside of user namespaces that we own.
 */
export function readNamespaces(pid: number | 'self', proc = procFolder): NamespaceInodes | undefined {
  const inodes: NamespaceInodes = {};
  for (const type of namespaceTypes) {
    const inode = readNamespace(pid, type, proc);
    if (inode !== undefined) {
      inodes[type] = inode;
    }
  }
  return Object.keys(inodes).length === 0 ? undefined : inodes;
}

/** Inode of one namespace, or undefined when the process has ended or the kernel lacks the type. */
export function readNamespace(pid: number | 'self', type: oci.NamespaceType, proc = procFolder): number | undefined {
  const link = unlessGone(() => readlinkSync(`${proc}/${pid}/ns/${linkNames[type]}`));
  return link === undefined ? undefined : parseNamespaceLink(link)?.inode;
}

/** For each namespace of a container: its own or the host's, and which others are in it too. */
export function compareNamespaces(
  own: NamespaceInodes,
  host: NamespaceInodes,
  others: readonly { name: string; inodes: NamespaceInodes }[],
): NamespaceInfo[] {
  const result: NamespaceInfo[] = [];
  for (const type of namespaceTypes) {
    const inode = own[type];
    if (inode !== undefined) {
      result.push({
        type,
        inode,
        relation: inode === host[type] ? 'host' : 'own',
        sharedWith: others.filter((other) => other.inodes[type] === inode).map((other) => other.name),
      });
    }
  }
  return result;
}

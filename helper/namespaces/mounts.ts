/** Bind mounts of nsfs: what `ip netns add` and others keep a namespace with when no process is in it. */
import { unescapeOctal } from '../inspect/mountinfo.js';
import { parseNamespaceLink } from '../inspect/namespaces.js';
import type { oci } from '../protocol/index.js';

export interface NamespaceMount {
  type: oci.NamespaceType;
  inode: number;
  /** As the process sees it whose mountinfo it was. */
  path: string;
}

/** The namespaces that a mount table keeps. Their roots name them: `net:[4026532211]`. proc_pid_mountinfo(5) */
export function namespaceMounts(mountinfo: string): NamespaceMount[] {
  return mountinfo.split('\n').flatMap((line) => {
    // Most tables have none, and there is one for each mount namespace: not parsed as a whole.
    if (!line.includes(' - nsfs ')) return [];
    const [, , , root = '', path = ''] = line.split(' ');
    const namespace = parseNamespaceLink(unescapeOctal(root));
    return namespace === undefined ? [] : [{ ...namespace, path: unescapeOctal(path) }];
  });
}

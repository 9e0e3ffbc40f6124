import { setXattr } from '../../native/bindings/xattr.js';
import { failedWith, shown } from './failure.js';
import type { Notes } from './notes.js';
import type { TarEntry } from './tar/entry.js';

type Kept = 'keep' | 'capabilities' | 'overlay' | 'drop';

/**
 * What becomes of an extended attribute. An image must not bring `user.overlay.*`: overlays mounted with userxattr
 * take their whiteouts, redirects and opaque marks from there.
 */
export function xattrDecision(name: string): Kept {
  if (name === 'security.capability') {
    return 'capabilities';
  }
  if (name.startsWith('user.overlay.')) {
    return 'overlay';
  }
  return name.startsWith('user.') ? 'keep' : 'drop';
}

/** Sets the attributes of an entry that may be kept, and notes the others. */
export function keepXattrs(fd: number, entry: Pick<TarEntry, 'path' | 'xattrs'>, notes: Notes): void {
  for (const [name, value] of entry.xattrs) {
    const decision = xattrDecision(name);
    if (decision === 'drop' || decision === 'overlay') {
      notes.add(decision === 'overlay' ? 'overlay' : 'xattrs', shown(entry.path));
      continue;
    }
    try {
      setXattr(fd, name, value);
    } catch (error) {
      // Not permitted here, not supported or no room by this file system, not well-formed: the file is fine without.
      if (!failedWith(error, 'EPERM', 'ENOTSUP', 'EINVAL', 'ENOSPC', 'E2BIG', 'ERANGE')) {
        throw error;
      }
      notes.add(decision === 'capabilities' ? 'capabilities' : 'xattrs', shown(entry.path));
    }
  }
}

/** Following a path through the layers of an overlay that is not mounted, as overlayfs would. */
import { readlinkat } from '../../native/bindings/at.js';
import { SystemError } from '../../native/bindings/libc.js';
import type { ByteString } from '../image/entryPath.js';
import { acrossMounts, closeFound, type Found, LayeredFolder } from '../image/layeredFolder.js';

/** As many as the kernel follows in one path. */
const maximumLinks = 40;

/**
 * Opens what is at `path` (O_PATH), links followed, with the layers, top first, as root. The caller closes it.
 * @throws SystemError: ENOENT, ENOTDIR, ELOOP, EACCES as open(2) would.
 */
export function openInLayers(layers: readonly string[], path: string): number {
  const root = LayeredFolder.open(layers, acrossMounts);
  const entered = new Set([root]);
  try {
    const { fd, folder } = walk(root, path, entered);
    if (folder === undefined) return fd;
    entered.delete(folder);
    return folder.takeTop();
  } finally {
    for (const folder of entered) folder.close();
  }
}

/** @param entered gets every folder on the way, open */
function walk(root: LayeredFolder, path: string, entered: Set<LayeredFolder>): Pick<Found, 'fd' | 'folder'> {
  /** From the root to where we are: `..` takes one away, but never the root. */
  let trail = [root];
  let rest = components(Buffer.from(path));
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '..') {
      trail = trail.length > 1 ? trail.slice(0, -1) : trail;
      continue;
    }
    const found = (trail.at(-1) ?? root).lookUp(name);
    if (found === undefined) throw failure('ENOENT', path);
    if (found.folder !== undefined) {
      entered.add(found.folder);
      trail = [...trail, found.folder];
      continue;
    }
    const isLink = found.stats.isSymbolicLink();
    if (!isLink && rest.length === 0) return found;
    try {
      if (!isLink) throw failure('ENOTDIR', path);
      if (++links > maximumLinks) throw failure('ELOOP', path);
      const target = readlinkat(found.fd, '');
      rest = [...components(target), ...rest];
      trail = target[0] === slash ? [root] : trail;
    } finally {
      closeFound(found);
    }
  }
  const folder = trail.at(-1) ?? root;
  return { fd: folder.fd, folder };
}

const slash = 0x2f;

function components(path: Buffer): ByteString[] {
  return path
    .toString('latin1')
    .split('/')
    .filter((name) => name !== '' && name !== '.');
}

const errnos = { ENOENT: -2, ENOTDIR: -20, ELOOP: -40 };

function failure(code: keyof typeof errnos, path: string): SystemError {
  return new SystemError(code, errnos[code], 'open', path);
}

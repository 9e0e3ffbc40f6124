import { closeSync } from 'node:fs';
import type { ByteString } from '../image/entryPath.js';
import { closeFound, type LayerEntry, LayeredFolder, namesIn, openEntry } from '../image/layeredFolder.js';
import { modeOf, targetOf, xattrsOf } from './attributes.js';
import type { ChangeSource } from './protocol.js';

/** As many links as the kernel follows in one path. */
const maximumLinks = 40;

export function joined(folder: ByteString, name: ByteString): ByteString {
  return folder === '/' ? `/${name}` : `${folder}/${name}`;
}

/**
 * What the start of a container leaves in its writable layer: the places that things are mounted on, where the root had
 * none, and the folders on the way. The stage makes them empty, for root, in mode 755 or 644 (native/stage/resolve.c);
 * what looks otherwise is somebody else's work.
 */
export class StartTraces {
  private readonly targets: ReadonlySet<ByteString>;
  private readonly onTheWay: ReadonlySet<ByteString>;

  /** @param targets destinations of mounts, absolute, with links resolved. */
  constructor(targets: readonly ByteString[]) {
    this.targets = new Set(targets);
    this.onTheWay = new Set(
      targets.flatMap((target) => {
        const names = target.split('/').slice(1, -1);
        return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
      }),
    );
  }

  /** Whether an entry that is in no lower layer is there only because the start made it. @throws SystemError */
  isOurs(path: ByteString, entry: LayerEntry): boolean {
    const isTarget = this.targets.has(path);
    if (!isTarget && !this.onTheWay.has(path)) return false;
    const { stats } = entry;
    if (stats.uid !== 0n || stats.gid !== 0n || xattrsOf(entry).size > 0) return false;
    if (stats.isFile()) return isTarget && stats.size === 0n && modeOf(entry) === 0o644;
    if (!stats.isDirectory() || modeOf(entry) !== 0o755) return false;
    const names = namesIn(entry.fd);
    return (isTarget || names.length > 0) && names.every((name) => this.isOursBelow(path, entry.fd, name));
  }

  private isOursBelow(path: ByteString, folderFd: number, name: ByteString): boolean {
    const child = openEntry(folderFd, name);
    if (child === undefined) return true;
    try {
      return this.isOurs(joined(path, name), child);
    } finally {
      closeSync(child.fd);
    }
  }
}

/**
 * Where the stage mounts what is to be mounted at a path: links are followed inside the root, what is missing at the end
 * is made. @throws SystemError
 */
export function resolveTarget(root: LayeredFolder, destination: ByteString): ByteString {
  let rest = components(destination);
  let links = 0;
  /** Folders from the root on, and their names. */
  const trail: { name: ByteString; folder: LayeredFolder }[] = [];
  const path = (more: readonly ByteString[]) => `/${[...trail.map(({ name }) => name), ...more].join('/')}`;
  try {
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      if (name === '..') {
        trail.pop()?.folder.close();
        continue;
      }
      const found = (trail.at(-1)?.folder ?? root).lookUp(name);
      if (found?.folder !== undefined) {
        trail.push({ name, folder: found.folder });
        continue;
      }
      const target = found?.stats.isSymbolicLink() ? targetOf(found).toString('latin1') : undefined;
      if (found !== undefined) closeFound(found);
      if (target === undefined || ++links > maximumLinks) return path([name, ...rest]);
      rest = [...components(target), ...rest];
      if (target.startsWith('/')) for (const { folder } of trail.splice(0)) folder.close();
    }
    return path([]);
  } finally {
    for (const { folder } of trail) folder.close();
  }
}

function components(path: ByteString): ByteString[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/** What the start of this container leaves. @throws SystemError; ENOENT when its layer is not there yet */
export function startTracesOf(source: ChangeSource): StartTraces {
  const targets = source.mountTargets.map((target) => Buffer.from(target).toString('latin1'));
  // Of a composed root nothing is asked here: its parts are mounted by other rules, on folders without links.
  if (source.kind === 'merged' || source.lower.length === 0) return new StartTraces(targets);
  const root = LayeredFolder.open([source.top, ...source.lower]);
  try {
    return new StartTraces(targets.map((target) => resolveTarget(root, target)));
  } finally {
    root.close();
  }
}

import { modeText } from '../../helper/protocol/fileMode.js';
import type { FileEntry } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';
import { isFolder } from './listing.js';
import { octalText } from './mode.js';

const kindWords: Readonly<Record<FileEntry['kind'], string>> = {
  file: 'File',
  directory: 'Folder',
  symlink: 'Link',
  fifo: 'FIFO',
  socket: 'Socket',
  character: 'Character device',
  block: 'Block device',
};

/** An owner as the container names it, or its id there. */
function owner(name: string | undefined, id: number): string {
  return name === undefined ? String(id) : plainText(name, 32);
}

/** Owner and group inside, the group only where it has another name. */
export function ownerText(entry: Pick<FileEntry, 'uid' | 'gid' | 'user' | 'group'>): string {
  const user = owner(entry.user, entry.uid);
  const group = owner(entry.group, entry.gid);
  return user === group ? user : `${user}:${group}`;
}

/** The icon of what is neither a file nor a folder to an icon theme. Undefined: the theme's own. */
function iconOf(entry: FileEntry): Presentation['icon'] {
  switch (entry.kind) {
    case 'symlink':
      if (entry.targetKind === undefined) {
        return { id: 'error', color: 'list.warningForeground' };
      }
      return { id: isFolder(entry) ? 'file-symlink-directory' : 'file-symlink-file' };
    case 'fifo':
      return { id: 'arrow-both' };
    case 'socket':
      return { id: 'plug' };
    case 'character':
      return { id: 'circuit-board' };
    case 'block':
      return { id: 'database' };
    default:
      return entry.mountPoint ? { id: 'root-folder' } : undefined;
  }
}

/**
 * An entry's line in the tree: name, then what is cut last. `writable` says whether menus offer to change it. Names
 * and targets are whatever somebody wrote into the root. `ineffective`: why its capabilities do not count.
 */
export function presentFile(
  entry: FileEntry,
  path: string,
  writable: boolean,
  ineffective: readonly string[] = [],
): Presentation {
  const mode = modeText(entry.kind, entry.mode);
  const target = entry.target === undefined ? undefined : plainText(entry.target, 120);
  const leads = entry.kind !== 'symlink' ? undefined : (entry.targetKind && kindWords[entry.targetKind]) || 'nothing';
  const size = entry.kind === 'file' ? formatBytes(entry.size) : undefined;
  const owners = ownerText(entry);
  const marks = [entry.mountPoint && 'mount', entry.capabilities && 'capabilities'].filter(Boolean) as string[];
  return {
    label: plainText(entry.name),
    description: [target && `→ ${target}`, size, entry.kind === 'symlink' ? undefined : mode, owners, ...marks]
      .filter((part) => part !== undefined)
      .join(' · '),
    tooltip: tooltipText([
      path,
      target && `Link to ${target}, which leads to ${leads === 'nothing' ? leads : `a ${leads?.toLowerCase()}`}`,
      `${kindWords[entry.kind]}, ${entry.size} bytes, ${entry.links} ${entry.links === 1 ? 'link' : 'links'}`,
      `Mode ${mode} (${octalText(entry.mode)})`,
      `Owner inside: ${owner(entry.user, entry.uid)} (${entry.uid}), group ${owner(entry.group, entry.gid)} (${entry.gid})`,
      `Owner on this machine: ${entry.hostUid}, group ${entry.hostGid}`,
      entry.capabilities && `File capabilities: ${entry.capabilities}`,
      ...ineffective,
      entry.mountPoint ? 'Something is mounted here' : undefined,
      `Modified ${new Date(entry.mtime).toLocaleString()}`,
    ]),
    ...withIcon(iconOf(entry)),
    contextValue: contextOf(entry, writable),
    accessibleLabel: [
      `${kindWords[entry.kind]} ${plainText(entry.name)}`,
      target && `to ${target}`,
      size,
      `mode ${mode}`,
      `owner ${owners}`,
      ...marks,
    ]
      .filter((part) => part !== undefined)
      .join(', '),
  };
}

function withIcon(icon: Presentation['icon']): Pick<Presentation, 'icon'> {
  return icon ? { icon } : {};
}

/** What menus go by: `entry.folder.writable`, `entry.file`, `entry.folder.link.writable`, `entry.file.capabilities`. */
function contextOf(entry: FileEntry, writable: boolean): string {
  const leads = entry.kind === 'symlink' ? entry.targetKind : entry.kind;
  const what = leads === 'directory' ? 'folder' : leads === 'file' ? 'file' : 'special';
  const contextValue = `entry.${what}`;
  const marks = [entry.kind === 'symlink' && 'link', writable && 'writable', entry.capabilities && 'capabilities'];
  return [contextValue, ...marks.filter(Boolean)].join('.');
}

/** The line that stands for the entries of a folder that are not drawn yet. */
export function presentMore(shown: number, total: number): Presentation {
  const left = total - shown;
  return {
    label: `${left} more…`,
    description: `${shown} of ${total} shown`,
    tooltip: 'Show the next ones',
    icon: { id: 'ellipsis' },
    contextValue: 'more',
    accessibleLabel: `${left} more entries, ${shown} of ${total} are shown`,
  };
}

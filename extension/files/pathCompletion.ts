import * as path from 'node:path/posix';
import { modeText } from '../../helper/protocol/fileMode.js';
import type { FileEntry } from '../../helper/protocol/index.js';
import { iconSafeText } from '../text/untrusted.js';
import { inFolder } from './addresses.js';
import { isFolder, sortEntries } from './listing.js';

/** The folder whose entries complete what was typed, and what the entry has to begin with. */
export function typedPath(text: string): { folder: string; prefix: string } {
  const absolute = text.startsWith('/') ? text : `/${text}`;
  const end = absolute.lastIndexOf('/');
  return {
    folder: path.normalize(absolute.slice(0, end + 1)).replace(/(?<=.)\/$/, ''),
    prefix: absolute.slice(end + 1),
  };
}

export interface PathChoice {
  label: string;
  description?: string;
  iconId: string;
  path: string;
  folder: boolean;
  /** It is what was typed, not a longer one. */
  exact: boolean;
}

/** More than this nobody reads; typing on narrows it down. */
const mostChoices = 200;

/** What can be meant by what was typed: the folder itself, and its entries that begin with it, in any case. */
export function pathChoices(text: string, entries: readonly FileEntry[]): PathChoice[] {
  const { folder, prefix } = typedPath(text);
  const begins = prefix.toLowerCase();
  const matching = sortEntries(
    entries.filter(({ name }) => name.toLowerCase().startsWith(begins) && (prefix !== '' || !name.startsWith('.'))),
  ).slice(0, mostChoices);
  const choices = matching.map((entry): PathChoice => {
    const isDirectory = isFolder(entry);
    return {
      label: `${iconSafeText(entry.name, 120)}${isDirectory ? '/' : ''}`,
      description: modeText(entry.kind, entry.mode),
      iconId: isDirectory ? 'folder' : entry.kind === 'symlink' ? 'file-symlink-file' : 'file',
      path: inFolder(folder, entry.name),
      folder: isDirectory,
      exact: entry.name === prefix,
    };
  });
  // Exactly what was typed is what Enter means.
  choices.sort((a, b) => Number(b.exact) - Number(a.exact));
  return prefix === ''
    ? [
        {
          label: iconSafeText(folder, 200),
          description: 'this folder',
          iconId: 'folder-opened',
          path: folder,
          folder: true,
          exact: true,
        },
        ...choices,
      ]
    : choices;
}

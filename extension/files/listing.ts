import type { FileEntry } from '../../helper/protocol/index.js';

/** How many entries of a folder the tree takes at a time: more at once would freeze it. */
export const pageSize = 1000;

/** Whether there is something below an entry, itself or by its link. */
export function isFolder(entry: Pick<FileEntry, 'kind' | 'targetKind'>): boolean {
  return entry.kind === 'directory' || (entry.kind === 'symlink' && entry.targetKind === 'directory');
}

/** Whether an editor can be opened on an entry. */
export function isRegular(entry: Pick<FileEntry, 'kind' | 'targetKind'>): boolean {
  return entry.kind === 'file' || (entry.kind === 'symlink' && entry.targetKind === 'file');
}

// One collator for all comparisons: localeCompare makes one per call, which counts with 10,000 entries.
const collator = new Intl.Collator(undefined, { numeric: true });

/** Folders first, then by name as the editor's own explorer has them. */
export function sortEntries(entries: readonly FileEntry[]): FileEntry[] {
  return [...entries].sort(
    (a, b) =>
      Number(isFolder(b)) - Number(isFolder(a)) || collator.compare(a.name, b.name) || (a.name < b.name ? -1 : 1),
  );
}

/** How many pages show the entry at `index`. */
export function pagesFor(index: number): number {
  return Math.floor(index / pageSize) + 1;
}

import { modeText } from '../../helper/protocol/fileMode.js';
import type { Change, ChangeList, FileEntry } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { ownerText } from '../files/fileText.js';
import { octalText } from '../files/mode.js';
import { documentText, plainText, tooltipText } from '../text/untrusted.js';

const looks = {
  added: { letter: 'A', word: 'Added', color: 'gitDecoration.addedResourceForeground' },
  modified: { letter: 'M', word: 'Modified', color: 'gitDecoration.modifiedResourceForeground' },
  deleted: { letter: 'D', word: 'Deleted', color: 'gitDecoration.deletedResourceForeground' },
  renamed: { letter: 'R', word: 'Renamed', color: 'gitDecoration.renamedResourceForeground' },
} as const;

/** How a change is marked: letter, colour of the theme, and a sentence. */
export interface ChangeLook {
  letter: string;
  color: string;
  tooltip: string;
  strikeThrough: boolean;
}

/** How a change is shown in lists. What it is called may be anything: it was made in a container. */
export function changeLook(change: Change): ChangeLook {
  const { letter, word, color } = looks[change.kind];
  const parts = [
    change.from === undefined ? word : `${word} from ${plainText(change.from, 200)}`,
    change.what && change.what.length > 0 ? `: ${change.what.join(', ')}` : '',
    change.entry === 'directory' && change.kind !== 'modified' ? ', folder with all that is in it' : '',
    change.kind === 'added' ? `, ${formatBytes(change.sizeBytes)}` : '',
  ];
  return { letter, color, tooltip: tooltipText([parts.join('')]), strikeThrough: change.kind === 'deleted' };
}

/**
 * What can be shown of a change: two texts side by side, one alone, or in words what differs, where there is no text
 * to compare: folders, links, devices, and files of which only mode, owner and the like differ.
 */
export type ChangeView = 'diff' | 'added' | 'deleted' | 'words';

export function changeView(change: Change): ChangeView {
  if (change.entry !== 'file') {
    return 'words';
  }
  switch (change.kind) {
    case 'added':
      return 'added';
    case 'deleted':
      return 'deleted';
    case 'renamed':
      return 'diff';
    case 'modified':
      return change.what === undefined || (change.what.includes('content') && !change.what.includes('type'))
        ? 'diff'
        : 'words';
  }
}

/** The text of the document that says what a change is, where no text can be compared. */
export function changeDocument(change: Change, before: FileEntry | undefined, after: FileEntry | undefined): string {
  const rows: [string, string | undefined, string | undefined][] = [
    ['Kind', before?.kind, after?.kind],
    ['Size', size(before), size(after)],
    ['Mode', mode(before), mode(after)],
    ['Owner', owner(before), owner(after)],
    ['Capabilities', before && (before.capabilities ?? 'none'), after && (after.capabilities ?? 'none')],
    ['Target', before?.target, after?.target],
    ['Modified', time(before), time(after)],
    ['Links', before && String(before.links), after && String(after.links)],
  ];
  const shown = rows.filter(([, old, now]) => old !== undefined || now !== undefined);
  const cell = (text: string | undefined): string => plainText(text ?? '–', 200);
  const width = Math.max(6, ...shown.map(([, old]) => cell(old).length));
  const line = (name: string, old: string, now: string, mark: string): string =>
    `${mark} ${name.padEnd(13)} ${old.padEnd(width)}  ${now}`.trimEnd();
  return documentText(
    [
      plainText(change.path, 4096),
      changeLook(change).tooltip,
      '',
      line('', 'before', 'now', ' '),
      ...shown.map(([name, old, now]) => line(name, cell(old), cell(now), old === now ? ' ' : '*')),
      '',
      ...(change.what?.includes('xattrs') ? ['Extended attributes differ, too.', ''] : []),
    ].join('\n'),
  );
}

function size(entry: FileEntry | undefined): string | undefined {
  return entry?.kind === 'file' ? `${formatBytes(entry.size)} (${entry.size})` : undefined;
}
function mode(entry: FileEntry | undefined): string | undefined {
  return entry && `${modeText(entry.kind, entry.mode)} (${octalText(entry.mode)})`;
}
function owner(entry: FileEntry | undefined): string | undefined {
  return entry && `${ownerText(entry)} (${entry.uid}:${entry.gid})`;
}
function time(entry: FileEntry | undefined): string | undefined {
  return entry && new Date(entry.mtime).toISOString();
}

/** The heading of the list. */
export function groupLabel({ changes, truncated }: ChangeList): string {
  return truncated ? `Changes (only the first ${changes.length})` : 'Changes';
}

/** The question before changes are taken back, and what to say with it. */
export function revertQuestion(changes: readonly Change[], container: string): { question: string; detail: string } {
  const [only] = changes;
  const question =
    changes.length === 1 && only
      ? `Revert ${plainText(only.path, 120)} in ${plainText(container, 64)}?`
      : `Revert ${changes.length} changes in ${plainText(container, 64)}?`;
  const added = changes.filter(({ kind }) => kind === 'added').length;
  const names = changes.slice(0, 8).map(({ path }) => plainText(path, 80));
  const detail = [
    changes.length > 1 ? `${names.join(', ')}${changes.length > names.length ? ', …' : ''}` : undefined,
    added > 0 ? `What was added is deleted${added > 1 ? `: ${added} items` : ''}.` : undefined,
    'This cannot be undone.',
  ];
  return { question, detail: detail.filter((line) => line !== undefined).join('\n') };
}

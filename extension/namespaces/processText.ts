import type { OpenFile, ProcessInspection } from '../../helper/protocol/index.js';
import { escapedText } from '../text/untrusted.js';

/** The environment of a process as a document: one variable a line, whatever is in its value. */
export function environmentText({ process, unreadable }: ProcessInspection): string {
  return lines((process.env ?? []).map(escapedText), unreadable['process.env'], 'The process shows no environment.');
}

/** The open files of a process as a document: a table in plain text. */
export function openFilesText({ files = [], unreadable }: ProcessInspection): string {
  const rows = [['FD', 'FLAGS', 'POSITION', 'FILE'], ...files.map(row)];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const table = rows.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines(files.length === 0 ? [] : table, unreadable.files, 'The process has no file open.');
}

function row({ fd, flags = [], position, target }: OpenFile): string[] {
  return [String(fd), flags.join(' '), position === undefined ? '' : String(position), escapedText(target)];
}

function lines(found: readonly string[], reason: string | undefined, none: string): string {
  const told = reason === undefined ? found : [...found, ...(found.length > 0 ? [''] : []), escapedText(reason)];
  return `${(told.length === 0 ? [none] : told).join('\n')}\n`;
}

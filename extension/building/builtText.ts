import type { BuildResult, BuiltFile } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { documentText, plainText } from '../text/untrusted.js';

/** What was copied into an image that was built from programs, and why, as a document to read. */
export function builtText({ image, files, notes }: BuildResult): string {
  const copied = files.filter(({ source }) => source !== undefined);
  const made = files.filter(({ source }) => source === undefined);
  return documentText(
    [
      `# ${plainText(image.name, 100)}`,
      '',
      `${formatBytes(image.sizeBytes)}: ${copied.length} files of this machine, ${made.length} made.`,
      ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `- ${plainText(note)}`)]),
      '',
      ...table('Copied', copied),
      ...table('Made', made),
    ].join('\n'),
  );
}

function table(title: string, files: readonly BuiltFile[]): string[] {
  if (files.length === 0) {
    return [];
  }
  const elsewhere = files.some(({ path, source }) => source !== undefined && source !== path);
  const columns = ['in the image', ...(elsewhere ? ['from'] : []), 'why'];
  const row = ({ path, source, why }: BuiltFile) => [
    cell(path),
    ...(elsewhere ? [source === undefined || source === path ? '' : cell(source)] : []),
    cell(why),
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `## ${title}`,
    '',
    line(columns),
    line(columns.map(() => '---')),
    ...files.map((file) => line(row(file))),
    '',
  ];
}

/** Text without what Markdown gives a meaning: names of files may hold anything. */
function cell(text: string): string {
  return plainText(text, 300).replace(/[\\`*_{}[\]<>()#+!|~]/g, '\\$&');
}

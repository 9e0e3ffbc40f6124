import * as protocol from '../../../helper/protocol/index.js';
import type { Bed } from '../support/bed.js';

const kinds: Readonly<Record<string, protocol.FileKind>> = {
  'regular file': 'file',
  'regular empty file': 'file',
  directory: 'directory',
  'symbolic link': 'symlink',
  fifo: 'fifo',
  socket: 'socket',
  'character special file': 'character',
  'block special file': 'block',
};

/** What stat(1) of the root tells of the entries of a folder, one a line: the truth that a listing is held against. */
export async function statInside(bed: Bed, container: string, folder: string): Promise<string[]> {
  const format = '%n|%F|%s|%a|%u|%g|%h|%Y';
  const { stdout, stderr, exitCode } = await bed.exec(container, `cd ${folder} && stat -c '${format}' * && :`);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .map((field, index) => (index === 1 ? kinds[field] : field))
        .join('|'),
    )
    .sort();
}

/** The same of what the helper answers. */
export async function listing(
  bed: Bed,
  root: protocol.FileRoot,
  path: string,
): Promise<{ lines: string[]; content: protocol.FolderContent }> {
  const content = await bed.helper.request(protocol.ListFiles, { root, path });
  const lines = content.entries.map(({ name, kind, size, mode, uid, gid, links, mtime }) =>
    [name, kind, size, mode.toString(8), uid, gid, links, Math.floor(mtime / 1000)].join('|'),
  );
  return { lines: lines.sort(), content };
}

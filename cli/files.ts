import { randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import * as path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json, printable } from './failure.js';
import { followed } from './longWork.js';
import { bytes, table } from './table.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

export interface RootOptions {
  image?: boolean;
  base?: boolean;
}

/** Commands about the files of containers and images, running or not. */
export function addFileCommands(program: Command, connect: Connect, print: Print): void {
  program
    .command('ls')
    .description('list the files of a container, running or not')
    .option('--image', 'NAME is an image')
    .option('--base', 'what the container was made from')
    .option('--json', 'as JSON')
    .argument('<name[:path]>', 'a container, and a path in it')
    .action(async (text: string, options: RootOptions & { json?: boolean }) => {
      const { name, path: at } = parsePlace(text) ?? { name: text, path: '/' };
      const reference = { root: rootOf(name, options), path: at };
      const connection = await connect();
      const { kind } = await connection.sendRequest(protocol.StatFile, { ...reference, follow: true });
      const entries =
        kind === 'directory'
          ? (await connection.sendRequest(protocol.ListFiles, { ...reference, path: `${at}/.` })).entries
          : [await connection.sendRequest(protocol.StatFile, reference)];
      entries.sort((a, b) => (a.name < b.name ? -1 : 1));
      print(options.json === true ? json(entries) : listingTable(entries));
    });

  program
    .command('cp')
    .description('copy files between this machine and a container, running or not; one side is NAME:PATH')
    .option('--image', 'NAME is an image')
    .option('--base', 'what the container was made from')
    .argument('<source>', 'NAME:PATH, or a path of this machine')
    .argument('<destination>', 'the other one: a folder to copy into, or a new name')
    .action(async (source: string, destination: string, options: RootOptions) => {
      const [from, to] = [parsePlace(source), parsePlace(destination)];
      if ((from === undefined) === (to === undefined)) {
        throw new InvalidArgumentError('One side, and only one, has to be NAME:PATH.');
      }
      const connection = await connect();
      const { notes } =
        from !== undefined
          ? await download(connection, { root: rootOf(from.name, options), path: from.path }, destination)
          : to !== undefined
            ? await upload(connection, source, { root: rootOf(to.name, options), path: to.path })
            : { notes: [] };
      for (const note of notes) process.stderr.write(`${printable(`note: ${note}`)}\n`);
    });
}

/** `NAME:PATH`; undefined for a path of this machine, which has a slash before any colon, begins with a dot, or has none. */
export function parsePlace(text: string): { name: string; path: string } | undefined {
  const match = /^([^/.:][^/:]*):(.*)$/s.exec(text);
  return match === null ? undefined : { name: match[1] ?? '', path: path.posix.resolve('/', match[2] ?? '') };
}

export function rootOf(name: string, { image, base }: RootOptions): protocol.FileRoot {
  if (image === true) return { kind: 'image', name };
  return { kind: base === true ? 'base' : 'container', container: name };
}

function listingTable(entries: readonly protocol.FileEntry[]): string {
  return table([
    ['MODE', 'LINKS', 'USER', 'GROUP', 'SIZE', 'CHANGED', 'NAME'],
    ...entries.map((entry) => [
      protocol.modeText(entry.kind, entry.mode),
      String(entry.links),
      entry.user ?? String(entry.uid),
      entry.group ?? String(entry.gid),
      String(entry.size),
      new Date(entry.mtime).toISOString().slice(0, 19).replace('T', ' '),
      [
        entry.name,
        ...(entry.target === undefined ? [] : [`-> ${entry.target}`]),
        ...(entry.capabilities === undefined ? [] : [`[${entry.capabilities}]`]),
        ...(entry.mountPoint === true ? ['[mount]'] : []),
      ].join(' '),
    ]),
  ]);
}

/** What a transfer reports, in a line. */
function transferLine({ doneBytes, totalBytes }: protocol.TransferProgress): string {
  return `${bytes(doneBytes)} of ${bytes(totalBytes)}`;
}

/** Into a folder that is there, else under the new name. */
async function download(
  connection: MessageConnection,
  { root, path: from }: protocol.FileReference,
  destination: string,
): Promise<protocol.TransferResult> {
  const to = path.resolve(destination);
  const copy = (folder: string) =>
    followed(connection, protocol.TransferProgressType, transferLine, (progress, token) =>
      connection.sendRequest(
        protocol.DownloadFiles,
        { root, paths: [from], destination: folder, overwrite: true, progress },
        token,
      ),
    );
  const there = await fs.stat(to).catch(unlessMissing);
  if (there?.isDirectory() === true) return copy(to);
  const temporary = await fs.mkdtemp(path.join(path.dirname(to), '.terrarium-'));
  try {
    const result = await copy(temporary);
    // A device or the like is left out, and a note says so.
    const [name] = await fs.readdir(temporary);
    if (name !== undefined) await fs.rename(path.join(temporary, name), to);
    return result;
  } finally {
    await fs.rm(temporary, { recursive: true, force: true });
  }
}

/** Into a folder that is there, else under the new name. */
async function upload(
  connection: MessageConnection,
  source: string,
  to: protocol.FileReference,
): Promise<protocol.TransferResult> {
  const { root } = to;
  const from = path.resolve(source);
  const copy = (folder: string) =>
    followed(connection, protocol.TransferProgressType, transferLine, (progress, token) =>
      connection.sendRequest(
        protocol.UploadFiles,
        { root, sources: [from], destination: folder, overwrite: true, progress },
        token,
      ),
    );
  const there = await connection.sendRequest(protocol.StatFile, { ...to, follow: true }).catch((error: unknown) => {
    if ((error as { code?: number }).code === protocol.ErrorCode.NotFound) return undefined;
    throw error;
  });
  if (there?.kind === 'directory') return copy(to.path);
  const temporary = path.posix.join(path.posix.dirname(to.path), `.terrarium-${randomBytes(6).toString('hex')}`);
  await connection.sendRequest(protocol.CreateFolder, { root, path: temporary });
  try {
    const result = await copy(temporary);
    const { entries } = await connection.sendRequest(protocol.ListFiles, { root, path: temporary });
    for (const { name } of entries) {
      const move = { root, from: path.posix.join(temporary, name), to: to.path, overwrite: true };
      await connection.sendRequest(protocol.MoveFile, move);
    }
    return result;
  } finally {
    await connection.sendRequest(protocol.DeleteFile, { root, path: temporary, recursive: true });
  }
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

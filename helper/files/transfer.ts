/** Copies between this machine and a root. Each thing gets its name there when all of it is. */
import { closeSync, constants, openSync } from 'node:fs';
import * as path from 'node:path';
import { RENAME_NOREPLACE, renameat2 } from '../../native/bindings/at.js';
import { SystemError } from '../../native/bindings/libc.js';
import { O_PATH } from '../../native/bindings/openat2.js';
import { fileTypes, statx } from '../../native/bindings/statx.js';
import { removeTree } from '../image/removeTree.js';
import type { DownloadParams, TransferProgress, TransferResult, UploadParams } from '../protocol/index.js';
import { temporaryName } from './content.js';
import { type Entry, isThere, type LeftOut, TreeCopy } from './copyTree.js';
import { fileFailure } from './failure.js';
import { type OpenRoot, openIn, openPlace } from './openRoot.js';
import { namesIn, openFolder, Pace, walk } from './tree.js';

const folderFlags = O_PATH | constants.O_DIRECTORY;

/** What is to be copied, open. */
interface Source extends Entry {
  name: string;
  /** For messages. */
  path: string;
  close(): void;
}

type Report = (progress: TransferProgress) => void;

/** Copies files and folders of this machine into a folder of the root. They become root's. */
export async function upload(
  root: OpenRoot,
  { sources, destination, overwrite }: Omit<UploadParams, 'root'>,
  signal: AbortSignal,
  report: Report,
): Promise<TransferResult> {
  const opened = await allOf(sources, (source): Source => {
    const { dir, base } = path.parse(path.resolve(source));
    const folder = openSync(dir, folderFlags);
    return { folder, name: base, path: source, close: () => closeSync(folder) };
  });
  return transfer(opened, () => openIn(root, destination, folderFlags), { destination, overwrite, signal, report });
}

/** Copies files and folders of the root into a folder of this machine. They become the person's. */
export async function download(
  root: OpenRoot,
  { paths, destination, overwrite }: Omit<DownloadParams, 'root'>,
  signal: AbortSignal,
  report: Report,
): Promise<TransferResult> {
  const opened = await allOf(paths, (from): Source => ({ ...openPlace(root, from), path: from }));
  return transfer(opened, () => openSync(destination, folderFlags), { destination, overwrite, signal, report });
}

/** Opens all, or none. */
async function allOf(paths: readonly string[], open: (path: string) => Source): Promise<Source[]> {
  const opened: Source[] = [];
  for (const one of paths) {
    try {
      opened.push(open(one));
    } catch (error) {
      for (const source of opened) source.close();
      throw fileFailure(error, 'copy', one);
    }
  }
  return opened;
}

interface Transfer {
  destination: string;
  overwrite: boolean;
  signal: AbortSignal;
  report: Report;
}

async function transfer(
  sources: readonly Source[],
  openTarget: () => number,
  { destination, overwrite, signal, report }: Transfer,
): Promise<TransferResult> {
  const pace = new Pace(signal);
  const progress: TransferProgress = { phase: 'copy', doneBytes: 0, totalBytes: 0, entries: 0 };
  const left = new Map<LeftOut, number>();
  let files = 0;
  const copy = new TreeCopy({
    keep: 'plain',
    pace,
    onCopied: (more) => {
      files += more.files;
      progress.entries += more.entries;
      progress.doneBytes += more.bytes;
      report(progress);
    },
    onLeftOut: (what) => left.set(what, (left.get(what) ?? 0) + 1),
  });
  try {
    for (const source of sources) progress.totalBytes += await sizeOf(source, pace);
    const target = failing(destination, openTarget);
    try {
      for (const source of sources) {
        try {
          await put(copy, source, { folder: target, name: source.name }, overwrite);
        } catch (error) {
          throw fileFailure(error, 'copy', source.path);
        }
      }
    } finally {
      closeSync(target);
    }
  } finally {
    copy.close();
    for (const source of sources) source.close();
  }
  return { files, bytes: progress.doneBytes, notes: notesOf(left) };
}

function failing<T>(destination: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw fileFailure(error, 'copy to', destination);
  }
}

/** Bytes of all files of a tree: what there is to do. */
async function sizeOf(source: Source, pace: Pace): Promise<number> {
  let bytes = 0;
  const seen = new Set<string>();
  const count = (_folder: number, _name: unknown, { type, size, links, device, inode }: ReturnType<typeof statx>) => {
    const key = `${device} ${inode}`;
    if (type !== fileTypes.file || seen.has(key)) return;
    if (links > 1) seen.add(key);
    bytes += size;
  };
  try {
    await walk(source.folder, source.name, count, pace);
  } catch (error) {
    throw fileFailure(error, 'copy', source.path);
  }
  return bytes;
}

/** Puts a copy into its place. Folders that are there already are merged, what else is there is replaced. */
async function put(copy: TreeCopy, from: Entry, to: Entry, overwrite: boolean): Promise<void> {
  if (isThere(to.folder, to.name)) {
    if (!overwrite) throw new SystemError('EEXIST', -17, 'rename', String(to.name));
    if (isFolder(from) && isFolder(to)) return merge(copy, from, to);
  }
  const temporary = { folder: to.folder, name: temporaryName() };
  try {
    await copy.copy(from, temporary);
    // Devices and the like are left out.
    if (!isThere(to.folder, temporary.name)) return;
    renameat2(to.folder, temporary.name, to.folder, to.name, overwrite ? 0 : RENAME_NOREPLACE);
  } catch (error) {
    await removeTree(to.folder, temporary.name);
    throw error;
  }
}

async function merge(copy: TreeCopy, from: Entry, to: Entry): Promise<void> {
  const source = openFolder(from.folder, from.name, true);
  try {
    const target = openFolder(to.folder, to.name, true);
    try {
      for (const name of namesIn(source)) await put(copy, { folder: source, name }, { folder: target, name }, true);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

function isFolder({ folder, name }: Entry): boolean {
  return statx(folder, name).type === fileTypes.directory;
}

const sentences: Readonly<Record<LeftOut, (count: number) => string>> = {
  device: (count) => `${files(count, 'device')} left out: a device is of the machine or the container it is in.`,
  fifo: (count) => `${files(count, 'named pipe')} left out.`,
  socket: (count) => `${files(count, 'socket')} left out.`,
  mount: (count) => `${files(count, 'mount')} left out: what is mounted is no part of the folder.`,
  bits: (count) => `${files(count, 'file')} copied without the setuid and setgid bits.`,
  owner: (count) => `${files(count, 'file')} given to root: the owner does not exist there.`,
  attribute: (count) => `${count} extended attribute${count === 1 ? '' : 's'} not kept.`,
};

function files(count: number, what: string): string {
  return count === 1 ? `1 ${what} was` : `${count} ${what}s were`;
}

function notesOf(left: ReadonlyMap<LeftOut, number>): string[] {
  return [...left].map(([what, count]) => sentences[what](count));
}

import type { FileEntry } from '../../helper/protocol/index.js';
import { inFolder } from './addresses.js';
import { looksBinary, sniffedBytes } from './binary.js';
import { type Hit, hitsIn } from './searchText.js';

/** Larger files are seldom text that somebody wrote. In bytes. */
const largestSearched = 1024 ** 2;
/** Requests at a time: the helper answers one after another, and is never without work. */
const workers = 8;
/** What the kernel and the machine have there is made up while it is read: searched only when it is asked for. */
const madeUp: ReadonlySet<string> = new Set(['/proc', '/sys', '/dev']);

/** A file that was found: by its name, or by a line in it. Or a folder that could not be looked into, and why. */
export interface Found {
  path: string;
  folder: boolean;
  hit?: Hit;
  problem?: unknown;
}

/** Where files come from. Both reject for what cannot be read. */
export interface Searched {
  list(folder: string): Promise<FileEntry[]>;
  read(file: string): Promise<Uint8Array>;
}

/**
 * Goes through folders and files, several at a time, until nothing is left or `take` wants no more. Links are not
 * followed. Rejects when the folder that it starts in cannot be listed.
 */
export async function searchFiles(
  files: Searched,
  start: string,
  pattern: RegExp,
  take: (found: Found[]) => boolean,
): Promise<void> {
  const todo: { path: string; folder: boolean }[] = [{ path: start, folder: true }];
  const inFolderOf = async (folder: string): Promise<Found[]> => {
    const found: Found[] = [];
    for (const entry of await files.list(folder)) {
      const path = inFolder(folder, entry.name);
      const isFolder = entry.kind === 'directory';
      if (pattern.test(entry.name)) {
        found.push({ path, folder: isFolder });
      }
      const isText = entry.kind === 'file' && entry.size > 0 && entry.size <= largestSearched;
      if (isText || (isFolder && !madeUp.has(path))) {
        todo.push({ path, folder: isFolder });
      }
    }
    return found;
  };
  const inFile = async (path: string): Promise<Found[]> => {
    const content = Buffer.from(await files.read(path));
    return looksBinary(content.subarray(0, sniffedBytes))
      ? []
      : hitsIn(content.toString('utf8'), pattern).map((hit) => ({ path, folder: false, hit }));
  };
  for (let goOn = true; goOn && todo.length > 0; ) {
    const found = await Promise.all(
      // The last first: depth first keeps the list short.
      todo.splice(-workers).map(({ path, folder }) =>
        (folder ? inFolderOf(path) : inFile(path)).catch((problem: unknown): Found[] => {
          if (path === start) {
            throw problem;
          }
          return [{ path, folder, problem }];
        }),
      ),
    );
    goOn = take(found.flat());
  }
}

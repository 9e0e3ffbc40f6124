import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openArchive } from '../archiveFile.js';
import type { ByteString } from '../entryPath.js';
import { badInput, explained, failedWith } from '../failure.js';
import { largestDocument } from '../layout.js';
import type { FileRange } from '../source.js';
import type { ScanResult } from './scan.js';

/** Files of an archive or folder that holds images, by their names in it. */
export interface ArchiveFiles {
  /** What errors call it. */
  path: string;
  /** Whether files are copies made for us, which may be moved. */
  owned: boolean;
  /** Where a file is and its size, links followed; undefined when there is none. */
  find(name: string): Promise<{ size: number; range?: FileRange } | undefined>;
}

/** @throws TerrariumError BadInput when it is missing or too large. */
export async function readDocument(files: ArchiveFiles, name: string): Promise<Buffer> {
  const found = await files.find(name);
  if (!found) {
    throw damaged(files, `${shownName(name)} is missing`);
  }
  if (found.size > largestDocument || !found.range) {
    throw damaged(files, `${shownName(name)} has ${found.size} bytes, more than ${largestDocument}`);
  }
  const { handle, offset, size } = await openArchive(found.range);
  try {
    const bytes = Buffer.alloc(size);
    let done = 0;
    while (done < size) {
      const { bytesRead } = await handle.read(bytes, done, size - done, offset + done);
      if (bytesRead === 0) {
        throw damaged(files, `${shownName(name)} is cut off`);
      }
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

/** A link to a link and so on: real archives have one step. */
const maximumSteps = 16;

/** The files that a scan found. */
export function scannedFiles(path: string, scan: ScanResult): ArchiveFiles {
  const files = new Map(scan.files.map((file) => [file.name, file]));
  const links = new Map(scan.links.map(({ name, target }) => [name, target]));
  return {
    path,
    owned: scan.copied,
    find: async (name) => {
      let key: ByteString | undefined = Buffer.from(name).toString('latin1');
      for (let step = 0; step < maximumSteps && key !== undefined; step++) {
        const file = files.get(key);
        if (file) {
          return file;
        }
        key = links.get(key);
      }
      return undefined;
    },
  };
}

/** The files of a folder. Only names that a layout has are ever asked for. */
export function folderFiles(folder: string): ArchiveFiles {
  return {
    path: folder,
    owned: false,
    find: async (name) => {
      const path = join(folder, name);
      try {
        const status = await stat(path);
        return { size: status.size, range: { path, offset: 0, size: status.size } };
      } catch (error) {
        if (failedWith(error, 'ENOENT', 'ENOTDIR')) {
          return undefined;
        }
        throw explained(error, 'read the image layout', path);
      }
    },
  };
}

/** Whether a path is a folder. @throws TerrariumError BadInput when it cannot be told */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw explained(error, 'open the archive', path);
  }
}

/** The first bytes of a file, to tell how it is compressed. */
export async function headOf(range: FileRange, length: number): Promise<Buffer> {
  const file = await open(range.path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const head = Buffer.alloc(length);
    const { bytesRead } = await file.read(head, 0, length, range.offset ?? 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

export function damaged(files: ArchiveFiles, cause: string) {
  return badInput('The archive of images is damaged', {
    path: files.path,
    cause: `In it ${cause}.`,
    fix: 'Download or export it again.',
  });
}

/** Untrusted text, for a message. */
export function shownName(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { badInput, explained } from './failure.js';
import type { FileRange } from './source.js';

/** A file that is read as an archive, or a part of it that is one. */
export interface ArchiveFile {
  handle: FileHandle;
  offset: number;
  size: number;
}

const readSize = 256 * 1024;

/**
 * Opens what is to be read. A FIFO or device would block, or never end: only regular files are.
 * @returns the caller closes its handle.
 * @throws TerrariumError BadInput
 */
export async function openArchive({ path, offset = 0, size }: FileRange): Promise<ArchiveFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw explained(error, 'open the archive', path);
  }
  try {
    const status = await handle.stat();
    if (!status.isFile()) {
      throw badInput(`${path} is not a regular file`, { path, fix: 'A tar file is expected.' });
    }
    if (status.size === 0) {
      throw badInput(`${path} is empty`, { path, fix: 'Download or export it again.' });
    }
    return { handle, offset, size: size ?? status.size - offset };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The first bytes, fewer when there are no more. */
export async function readHead({ handle, offset, size }: ArchiveFile, length: number): Promise<Buffer> {
  const head = Buffer.alloc(Math.min(length, size));
  const { bytesRead } = await handle.read(head, 0, head.length, offset);
  return head.subarray(0, bytesRead);
}

/** The bytes, in order. A file that is shorter than its range ends early: what reads it will notice. */
export async function* readChunks({ handle, offset, size }: ArchiveFile): AsyncGenerator<Buffer> {
  for (let done = 0; done < size; ) {
    // A new buffer each time: decompressors may still hold the last one.
    const buffer = Buffer.allocUnsafeSlow(Math.min(readSize, size - done));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset + done);
    if (bytesRead === 0) {
      return;
    }
    done += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Header, type HeaderData, Pax } from 'tar';
import { badInput, cancelled } from '../image/failure.js';
import type { Descriptor } from '../image/layout.js';
import type { ListedFile } from './fileList.js';
import type { HostFiles } from './hostFiles.js';

export interface PackProgress {
  doneBytes: number;
  totalBytes: number;
  entries: number;
  /** Path in the image. */
  item: string;
}

export interface PackOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: PackProgress) => void) | undefined;
}

const blockSize = 512;
const chunkSize = 256 * 1024;

/**
 * Writes files of this machine into a tar, as a layer: root owns all, times are those of the files, and what has none of
 * its own (folders, links, what was made) is as old as the newest of them. So the same files give the same bytes. Not
 * compressed, for compressors differ.
 * @returns the layer's descriptor; its digest is the diffID too.
 * @throws TerrariumError BadInput when a file cannot be read or changes meanwhile.
 */
export async function packFiles(
  files: HostFiles,
  entries: readonly ListedFile[],
  target: string,
  { signal, onProgress }: PackOptions = {},
): Promise<Descriptor> {
  const hash = createHash('sha256');
  const output = await open(target, 'wx', 0o600);
  let size = 0;
  const write = async (bytes: Buffer) => {
    hash.update(bytes);
    size += bytes.length;
    await output.appendFile(bytes);
  };
  const time = newestTime(entries);
  const totalBytes = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  let doneBytes = 0;
  try {
    for (const [index, entry] of entries.entries()) {
      if (signal?.aborted) throw cancelled();
      await write(headerOf(entry, time));
      if (entry.kind === 'made') await write(padded(entry.content));
      if (entry.kind === 'copy') {
        await copyContent(files, entry, async (bytes) => {
          await write(bytes);
          if (signal?.aborted) throw cancelled();
        });
      }
      doneBytes += sizeOf(entry);
      onProgress?.({ doneBytes, totalBytes, entries: index + 1, item: entry.path });
    }
    // Two blocks of zeros end an archive.
    await write(Buffer.alloc(2 * blockSize));
  } finally {
    await output.close();
  }
  return {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: `sha256:${hash.digest('hex')}`,
    size,
  };
}

/** Seconds since the epoch. */
export function newestTime(entries: readonly ListedFile[]): number {
  return entries.reduce((newest, entry) => (entry.kind === 'copy' ? Math.max(newest, entry.modified) : newest), 0);
}

function headerOf(entry: ListedFile, time: number): Buffer {
  const data: HeaderData = {
    path: entry.path.slice(1) + (entry.kind === 'folder' ? '/' : ''),
    mode: entry.kind === 'link' ? 0o777 : entry.mode,
    uid: 0,
    gid: 0,
    size: sizeOf(entry),
    mtime: new Date((entry.kind === 'copy' ? entry.modified : time) * 1000),
    type: types[entry.kind],
    ...(entry.kind === 'link' ? { linkpath: entry.target } : {}),
  };
  const header = new Header(data);
  const needsPax = header.encode();
  const block = header.block ?? Buffer.alloc(blockSize);
  return needsPax ? Buffer.concat([new Pax(data).encode(), block]) : block;
}

const types = { folder: 'Directory', link: 'SymbolicLink', copy: 'File', made: 'File' } as const;

function sizeOf(entry: ListedFile): number {
  if (entry.kind === 'copy') return entry.size;
  return entry.kind === 'made' ? entry.content.length : 0;
}

/** The content in whole blocks. */
async function copyContent(
  files: HostFiles,
  { path, size }: Extract<ListedFile, { kind: 'copy' }>,
  write: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  await files.reading(path, async (read) => {
    for (let done = 0; done < size; ) {
      const bytes = await read(done, Math.min(chunkSize, size - done));
      if (bytes.length === 0) {
        throw badInput(`${path} has changed while it was copied`, { path, fix: 'Try again.' });
      }
      done += bytes.length;
      await write(done === size ? padded(bytes) : bytes);
    }
  });
}

function padded(bytes: Buffer): Buffer {
  const rest = bytes.length % blockSize;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(blockSize - rest)]);
}

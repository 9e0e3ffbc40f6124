import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pace } from '../changes/pace.js';
import { decompress, detectCompression } from '../image/compression.js';
import { writeAll } from './pack.js';
import type { ArchiveMember, WriteArchiveParams } from './protocol.js';
import { encodeHeader, endOfTar, padding, type Sink } from './tarWriter.js';

const chunkSize = 256 * 1024;

type FileMember = Exclude<ArchiveMember, { folder: string }>;

/**
 * Writes a tar of documents and blobs, and syncs it. The same members give the same bytes.
 * @throws SystemError; what was written so far is the caller's to remove
 */
export async function writeArchive(
  { file, members, scratch }: WriteArchiveParams,
  { pace, onProgress }: { pace: Pace; onProgress: (bytes: number) => void },
): Promise<void> {
  const archive = await open(file, 'wx', 0o600);
  const sink: Sink = (bytes) => writeAll(archive, bytes);
  try {
    for (const [index, member] of members.entries()) {
      if ('folder' in member) {
        await sink(folderHeader(member.folder));
      } else if ('text' in member) {
        const bytes = Buffer.from(member.text);
        await sink(memberHeader(member, bytes.length));
        await sink(Buffer.concat([bytes, padding(bytes.length)]));
      } else if ('file' in member) {
        await addFile(member, member.file, { sink, pace, onProgress });
      } else {
        const content = join(scratch, `content-${index}`);
        await unpackFile(member.compressed, content, pace);
        await addFile(member, content, { sink, pace, onProgress });
        await rm(content);
      }
    }
    await sink(endOfTar);
    await archive.sync();
  } finally {
    await archive.close();
  }
}

function folderHeader(path: string): Buffer {
  return encodeHeader({ type: 'Directory', path: `${path}/`, mode: 0o755, uid: 0, gid: 0, size: 0, mtimeNs: 0n });
}

function memberHeader({ path }: FileMember, size: number): Buffer {
  const name = Buffer.from(path).toString('latin1');
  return encodeHeader({ type: 'File', path: name, mode: 0o644, uid: 0, gid: 0, size, mtimeNs: 0n });
}

interface Writing {
  sink: Sink;
  pace: Pace;
  onProgress: (bytes: number) => void;
}

async function addFile(member: FileMember, path: string, { sink, pace, onProgress }: Writing): Promise<void> {
  // Blobs never change: what is read is as long as it was.
  const { size } = await stat(path);
  await sink(memberHeader(member, size));
  for await (const chunk of chunksOf(path)) {
    await sink(chunk);
    onProgress(chunk.length);
    await pace.step(16);
  }
  await sink(padding(size));
}

async function unpackFile(source: string, target: string, pace: Pace): Promise<void> {
  const file = await open(target, 'wx', 0o600);
  try {
    const head = Buffer.alloc(16);
    await withFile(source, (from) => from.read(head, 0, head.length, 0));
    for await (const chunk of decompress(detectCompression(head), chunksOf(source))) {
      await writeAll(file, chunk);
      await pace.step(16);
    }
  } finally {
    await file.close();
  }
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (;;) {
      // A new buffer each time: decompressors may still hold the last one.
      const buffer = Buffer.allocUnsafeSlow(chunkSize);
      const { bytesRead } = await file.read(buffer, 0, chunkSize);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

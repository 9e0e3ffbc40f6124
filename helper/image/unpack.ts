import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { fstatfs } from '../../native/bindings/statfs.js';
import { syncfs } from '../../native/bindings/syncfs.js';
import { type Compression, decompress, detectCompression } from './archive.js';
import { badInput, cancelled, explained } from './failure.js';
import { imageArchiveKind } from './foreign.js';
import { Notes } from './notes.js';
import { readOwnerRights } from './owners.js';
import { defaultQuota, Quota, type QuotaLimits } from './quota.js';
import { removeTree } from './removeTree.js';
import { TarReader } from './tar/reader.js';
import { TreeWriter } from './treeWriter.js';

export interface UnpackParams {
  /** A tar, plain or compressed with gzip, xz or zstd. */
  archive: string;
  /** Where the layer's blob is written; must not exist. */
  blob: string;
  /** The folder that becomes the root of the tree; must not exist, its parent must. */
  tree: string;
  /** Instead of the defaults, which follow from the free space. */
  quota?: Partial<QuotaLimits>;
}

export interface UnpackResult {
  /** Of the blob, as OCI names it. */
  mediaType: string;
  /** `sha256:…` of the blob. */
  digest: string;
  /** Bytes of the blob. */
  size: number;
  /** `sha256:…` of the uncompressed tar. */
  diffId: string;
  /** Bytes of content in the tree. */
  unpackedBytes: number;
  entries: number;
  /** What had to be left out or changed, in sentences. */
  notes: string[];
}

export interface UnpackProgress {
  /** Bytes of the archive read so far, and all of them. */
  doneBytes: number;
  totalBytes: number;
  entries: number;
  phase: 'unpack' | 'finish';
}

export interface UnpackOptions {
  signal?: AbortSignal;
  /** Called for every chunk: throttle it. */
  onProgress?: (progress: UnpackProgress) => void;
}

const layerType = 'application/vnd.oci.image.layer.v1.tar';
/** xz is no compression OCI knows: such archives are kept as gzip. */
const mediaTypes: Readonly<Record<Compression, string>> = {
  none: layerType,
  gzip: `${layerType}+gzip`,
  zstd: `${layerType}+zstd`,
  xz: `${layerType}+gzip`,
};

const readSize = 256 * 1024;

/**
 * Unpacks a root file system and keeps its archive as a layer's blob, reading it once and in constant memory.
 * Both are on disk when it returns; after an error or a cancel neither is left.
 * @throws TerrariumError BadInput for what is no usable archive, Unavailable when there is no room.
 */
export async function unpack(params: UnpackParams, options: UnpackOptions = {}): Promise<UnpackResult> {
  const { archive, total } = await openArchive(params.archive);
  try {
    const parent = await open(dirname(params.tree), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      return await unpackBelow({ archive, total, parent }, params, options);
    } finally {
      await parent.close();
    }
  } catch (error) {
    throw options.signal?.aborted ? cancelled() : explained(error, 'unpack the archive', params.archive);
  } finally {
    await archive.close();
  }
}

/** A FIFO or device would block, or never end. */
async function openArchive(path: string): Promise<{ archive: FileHandle; total: number }> {
  let archive: FileHandle;
  try {
    archive = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw explained(error, 'open the archive', path);
  }
  const status = await archive.stat();
  if (!status.isFile()) {
    await archive.close();
    throw badInput(`${path} is not a regular file`, { path, fix: 'A root file system as a tar file is expected.' });
  }
  if (status.size === 0) {
    await archive.close();
    throw badInput(`${path} is empty`, { path, fix: 'Download or export it again.' });
  }
  return { archive, total: status.size };
}

interface Handles {
  archive: FileHandle;
  total: number;
  parent: FileHandle;
}

/** Makes the tree and the blob, and removes both when filling them fails. */
async function unpackBelow(handles: Handles, params: UnpackParams, options: UnpackOptions): Promise<UnpackResult> {
  await mkdir(params.tree, { mode: 0o700 });
  try {
    const blob = await Blob.create(params.blob);
    try {
      const root = await open(params.tree, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      try {
        return await fill(root, blob, handles, params.quota, options);
      } finally {
        await root.close();
      }
    } catch (error) {
      await rm(params.blob, { force: true });
      throw error;
    } finally {
      await blob.close();
    }
  } catch (error) {
    await removeTree(handles.parent.fd, basename(params.tree));
    throw error;
  }
}

async function fill(
  root: FileHandle,
  blob: Blob,
  { archive, total, parent }: Handles,
  limits: Partial<QuotaLimits> | undefined,
  { signal, onProgress }: UnpackOptions,
): Promise<UnpackResult> {
  const head = Buffer.alloc(16);
  await archive.read(head, 0, head.length, 0);
  const compression = detectCompression(head);
  let doneBytes = 0;
  const notes = new Notes();
  const quota = new Quota({ ...defaultQuota(fstatfs(parent.fd).availableBytes), ...limits }, () => doneBytes);
  const writer = new TreeWriter(root.fd, { quota, notes, rights: readOwnerRights() });
  const reader = new TarReader(writer);
  const report = (phase: UnpackProgress['phase']) =>
    onProgress?.({ phase, doneBytes, totalBytes: total, entries: reader.entries });
  const recompressed = compression === 'xz' ? new Recompression(blob) : undefined;
  const source = async function* () {
    for await (const chunk of readChunks(archive)) {
      signal?.throwIfAborted();
      doneBytes += chunk.length;
      if (!recompressed) {
        await blob.write(chunk);
      }
      yield chunk;
      report('unpack');
    }
  };
  const diffId = createHash('sha256');
  try {
    for await (const chunk of decompress(compression, source())) {
      signal?.throwIfAborted();
      diffId.update(chunk);
      await recompressed?.write(chunk);
      reader.push(chunk);
    }
    reader.end();
    refuseImageArchive(writer.topLevel);
    await recompressed?.end();
    report('finish');
    await writer.finish();
  } finally {
    recompressed?.destroy();
    writer.close();
  }
  const { digest, size } = await blob.finish();
  await syncfs(root.fd);
  signal?.throwIfAborted();
  return {
    mediaType: mediaTypes[compression],
    digest,
    size,
    diffId: `sha256:${diffId.digest('hex')}`,
    unpackedBytes: quota.bytes,
    entries: reader.entries,
    notes: notes.list(),
  };
}

function refuseImageArchive(topLevel: ReadonlySet<string>): void {
  const kind = imageArchiveKind(topLevel);
  if (kind) {
    throw badInput(`The archive is ${kind}, not a root file system`, {
      fix: 'Export a container instead, as with `docker export CONTAINER > root.tar`, and import that.',
    });
  }
}

async function* readChunks(file: FileHandle): AsyncGenerator<Buffer> {
  for (;;) {
    // A new buffer each time: decompressors may still hold the last one.
    const buffer = Buffer.allocUnsafeSlow(readSize);
    const { bytesRead } = await file.read(buffer, 0, readSize);
    if (bytesRead === 0) {
      return;
    }
    yield buffer.subarray(0, bytesRead);
  }
}

/** The file of a blob, hashed while it is written. */
class Blob {
  private size = 0;
  private readonly hash: Hash = createHash('sha256');

  private constructor(private readonly file: FileHandle) {}

  static async create(path: string): Promise<Blob> {
    return new Blob(await open(path, 'wx', 0o600));
  }

  async write(chunk: Buffer): Promise<void> {
    this.hash.update(chunk);
    this.size += chunk.length;
    for (let done = 0; done < chunk.length; ) {
      done += (await this.file.write(chunk, done)).bytesWritten;
    }
  }

  async finish(): Promise<{ digest: string; size: number }> {
    await this.file.sync();
    return { digest: `sha256:${this.hash.digest('hex')}`, size: this.size };
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** Fast rather than small: it runs beside xz, which should stay the slower of the two. */
const gzipLevel = 1;

/** Compresses a tar into a blob, on libuv's threads. */
class Recompression {
  private readonly input = new PassThrough({ highWaterMark: readSize });
  private readonly done: Promise<void>;
  private failure: unknown;

  constructor(blob: Blob) {
    this.done = pipeline(this.input, createGzip({ level: gzipLevel }), async (chunks) => {
      for await (const chunk of chunks as AsyncIterable<Buffer>) {
        await blob.write(chunk);
      }
    });
    // Kept for the next `write` or `end`, which may be long after.
    this.done.catch((error: unknown) => {
      this.failure = error;
    });
  }

  async write(chunk: Buffer): Promise<void> {
    if (!this.input.write(chunk)) {
      await Promise.race([new Promise((resolve) => this.input.once('drain', resolve)), this.done]);
    }
    if (this.failure !== undefined) {
      throw this.failure;
    }
  }

  async end(): Promise<void> {
    this.input.end();
    await this.done;
  }

  destroy(): void {
    this.input.destroy();
  }
}

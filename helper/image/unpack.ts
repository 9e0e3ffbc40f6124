import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fstatfs } from '../../native/bindings/statfs.js';
import { syncfs } from '../../native/bindings/syncfs.js';
import { type ArchiveFile, openArchive, readChunks, readHead } from './archiveFile.js';
import { BlobSink, type Digested, Recompression } from './blobFile.js';
import { type Compression, decompress, detectCompression } from './compression.js';
import { badInput, cancelled, explained } from './failure.js';
import { Notes } from './notes.js';
import { readOwnerRights } from './owners.js';
import { defaultQuota, Quota, type QuotaLimits } from './quota.js';
import { removeTree } from './removeTree.js';
import type { FileRange } from './source.js';
import { TarReader } from './tar/reader.js';
import { TreeWriter } from './treeWriter.js';

export interface UnpackParams {
  /** A tar, plain or compressed. */
  archive: FileRange;
  /** A layer of an image, with whiteouts; otherwise a whole root. */
  layer?: boolean;
  /** The file that gets the layer's blob; must not exist. Without it the archive is the blob. */
  blob?: string;
  /** The folder that becomes the root of the tree; must not exist, its parent must. Without it only digests are found. */
  tree?: string;
  /** What the result must be; otherwise the archive is refused. */
  expected?: Digested & { diffId: string };
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
  /** Whether its root hides all layers below. */
  opaque: boolean;
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
/** Compressions OCI does not know: such archives are kept as gzip. */
const recompressed: ReadonlySet<Compression> = new Set(['xz', 'bzip2']);
const mediaTypes: Readonly<Record<Compression, string>> = {
  none: layerType,
  gzip: `${layerType}+gzip`,
  zstd: `${layerType}+zstd`,
  xz: `${layerType}+gzip`,
  bzip2: `${layerType}+gzip`,
};

/**
 * Unpacks a root file system or layer, and keeps its archive as a layer's blob, reading it once and in constant memory.
 * Both are on disk when it returns; after an error or a cancel neither is left.
 * @throws TerrariumError BadInput for what is no usable archive, Unavailable when there is no room.
 */
export async function unpack(params: UnpackParams, options: UnpackOptions = {}): Promise<UnpackResult> {
  const archive = await openArchive(params.archive);
  try {
    checkSize(archive.size, params.expected);
    return await withTree(params.tree, (tree) => withBlob(params, archive, tree, options));
  } catch (error) {
    throw options.signal?.aborted ? cancelled() : explained(error, 'unpack the archive', params.archive.path);
  } finally {
    await archive.handle.close();
  }
}

/** Makes the folder of the tree, and removes it when filling it fails. */
async function withTree<T>(path: string | undefined, fill: (root: FileHandle | undefined) => Promise<T>): Promise<T> {
  if (path === undefined) {
    return await fill(undefined);
  }
  const parent = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await mkdir(path, { mode: 0o700 });
    try {
      const root = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
      try {
        return await fill(root);
      } finally {
        await root.close();
      }
    } catch (error) {
      await removeTree(parent.fd, basename(path));
      throw error;
    }
  } finally {
    await parent.close();
  }
}

/** The same for the blob. */
async function withBlob(
  params: UnpackParams,
  archive: ArchiveFile,
  root: FileHandle | undefined,
  options: UnpackOptions,
): Promise<UnpackResult> {
  const blob = await BlobSink.create(params.blob);
  try {
    const result = await read(archive, blob, root, params, options);
    if (root) {
      await syncfs(root.fd);
    } else if (params.blob === undefined) {
      await archive.handle.sync();
    }
    options.signal?.throwIfAborted();
    return result;
  } catch (error) {
    if (params.blob !== undefined) {
      await rm(params.blob, { force: true });
    }
    throw error;
  } finally {
    await blob.close();
  }
}

async function read(
  archive: ArchiveFile,
  blob: BlobSink,
  root: FileHandle | undefined,
  params: UnpackParams,
  { signal, onProgress }: UnpackOptions,
): Promise<UnpackResult> {
  const compression = detectCompression(await readHead(archive, 16));
  let doneBytes = 0;
  const notes = new Notes();
  const available = fstatfs((root ?? archive.handle).fd).availableBytes;
  const quota = new Quota({ ...defaultQuota(available), ...params.quota }, () => doneBytes);
  const writer =
    root && new TreeWriter(root.fd, { quota, notes, rights: readOwnerRights(), layer: params.layer === true });
  const reader = new TarReader(writer ?? ignoring(quota));
  const report = (phase: UnpackProgress['phase']) =>
    onProgress?.({ phase, doneBytes, totalBytes: archive.size, entries: reader.entries });
  const compressor = recompressed.has(compression) ? new Recompression(blob) : undefined;
  const source = async function* () {
    for await (const chunk of readChunks(archive)) {
      signal?.throwIfAborted();
      doneBytes += chunk.length;
      if (!compressor) {
        await blob.write(chunk);
      }
      yield chunk;
      report('unpack');
    }
  };
  const diffHash = createHash('sha256');
  try {
    for await (const chunk of decompress(compression, source())) {
      signal?.throwIfAborted();
      diffHash.update(chunk);
      await compressor?.write(chunk);
      reader.push(chunk);
      quota.setOther(reader.otherBytes);
    }
    reader.end(params.layer === true);
    await compressor?.end();
    report('finish');
    const digested = { ...(await blob.finish()), diffId: `sha256:${diffHash.digest('hex')}` };
    // Before the folders get their attributes: that much less to do for an archive that is refused.
    checkExpected(digested, params.expected);
    await writer?.finish();
    return {
      ...digested,
      mediaType: mediaTypes[compression],
      unpackedBytes: quota.bytes,
      entries: reader.entries,
      opaque: writer?.opaque === true,
      notes: notes.list(),
    };
  } finally {
    compressor?.destroy();
    writer?.close();
  }
}

/** Reads over entries: digests only. */
function ignoring(quota: Quota) {
  return {
    begin: () => quota.addEntry(),
    data: (bytes: Buffer) => quota.addWritten(bytes.length),
    end: () => undefined,
  };
}

const fix = 'Get the image again. If it stays like this, its maker or its registry has damaged it.';

/** Before anything is read. */
function checkSize(size: number, expected: UnpackParams['expected']): void {
  if (expected && size !== expected.size) {
    throw badInput(`A layer of the image is damaged: it has ${size} bytes, not ${expected.size}`, { fix });
  }
}

function checkExpected(found: Digested & { diffId: string }, expected: UnpackParams['expected']): void {
  if (!expected) {
    return;
  }
  if (found.digest !== expected.digest) {
    throw badInput('A layer of the image is damaged: its content does not match its digest', {
      cause: `Expected ${expected.digest}, found ${found.digest}.`,
      fix,
    });
  }
  if (found.diffId !== expected.diffId) {
    throw badInput('The image contradicts itself: a layer is not what its configuration says', {
      cause: `Expected the diffID ${expected.diffId}, found ${found.diffId}.`,
      fix,
    });
  }
}

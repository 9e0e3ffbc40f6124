import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Pace } from '../changes/pace.js';
import type { ChangeSource } from '../changes/protocol.js';
import { visitAdded, visitMerged } from '../changes/trees.js';
import { walkChanges } from '../changes/walk.js';
import { BlobSink, Recompression } from '../image/blobFile.js';
import { Coalescer } from './coalesce.js';
import { MergedTree } from './mergedTree.js';
import { ExportNotes } from './notes.js';
import type { PackedLayer, PackLayerParams, TreeSource, WriteTarParams, WrittenTree } from './protocol.js';
import type { Sink } from './tarWriter.js';
import { TreeTar } from './treeTar.js';

export interface PackOptions {
  pace: Pace;
  /** Called for every piece: throttle it. */
  onProgress: (progress: { entries: number; doneBytes: number }) => void;
}

const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';

/**
 * Writes a layer's blob, compressed with gzip. The same content gives the same tar, and with the same zlib the same blob.
 * @throws SystemError, TerrariumError; what was written so far is the caller's to remove
 */
export async function packLayer(params: PackLayerParams, options: PackOptions): Promise<PackedLayer> {
  const blob = await BlobSink.create(params.file);
  try {
    const compression = new Recompression(blob);
    const diffId = createHash('sha256');
    try {
      const written = await writeTree(params, options, async (bytes) => {
        diffId.update(bytes);
        await compression.write(bytes);
      });
      await compression.end();
      const { digest, size } = await blob.finish();
      const { entries, notes } = written;
      return { mediaType: layerType, digest, size, diffId: `sha256:${diffId.digest('hex')}`, entries, notes };
    } finally {
      compression.destroy();
    }
  } finally {
    await blob.close();
  }
}

/** Writes a plain tar, and syncs it. @throws as `packLayer` */
export async function writeTar(params: WriteTarParams, options: PackOptions): Promise<WrittenTree> {
  const file = await open(params.file, 'wx', 0o600);
  try {
    const written = await writeTree(params, options, (bytes) => writeAll(file, bytes));
    await file.sync();
    return written;
  } finally {
    await file.close();
  }
}

export async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
}

async function writeTree(params: PackLayerParams, { pace, onProgress }: PackOptions, sink: Sink): Promise<WrittenTree> {
  const notes = new ExportNotes();
  const isLayer = 'changes' in params;
  const { foreignOwners } = isLayer ? params.changes : params.tree;
  let doneBytes = 0;
  const pieces = new Coalescer(sink);
  const tar = new TreeTar((bytes) => pieces.write(bytes), {
    notes,
    pace,
    foreignOwners,
    layer: isLayer,
    onEntry: (bytes) => {
      doneBytes += bytes;
      onProgress({ entries: tar.entries, doneBytes });
    },
  });
  if (isLayer) await addChanges(params.changes, tar, pace);
  else await addTree(params.tree, tar, pace);
  await tar.end();
  await pieces.flush();
  return { entries: tar.entries, bytes: tar.bytes, notes: notes.list() };
}

/** It follows from what is seen inside alone: the same changes give the same entries, however they were made. */
async function addChanges(source: ChangeSource, tar: TreeTar, pace: Pace): Promise<void> {
  const visit = tar.add.bind(tar);
  await walkChanges(
    source,
    {
      added: (path, entry, traces) => visitAdded(path, entry, { traces, pace, visit }),
      deleted: (path) => tar.addWhiteout(path),
      modified: (path, entry, what, traces) =>
        what.includes('type') ? visitAdded(path, entry, { traces, pace, visit }) : tar.add(path, entry),
      touched: (path, entry) => tar.add(path, entry),
    },
    pace,
  );
}

async function addTree(source: TreeSource, tar: TreeTar, pace: Pace): Promise<void> {
  const tree = MergedTree.open(source);
  try {
    const isLeftOut = tree.isTrace.bind(tree);
    await visitMerged('/', tree.root, { pace, visit: tar.add.bind(tar), isLeftOut });
  } finally {
    tree.close();
  }
}

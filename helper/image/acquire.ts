import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageProgress } from '../protocol/images.js';
import { cancelled } from './failure.js';
import type { LayerAgent } from './layerAgent.js';
import { treeIn, writeLayerRecord } from './layers.js';
import { hexOf, type Layout } from './layout.js';
import type { CheckedSource, ImageSource, SourceLayer } from './source.js';

/** A layer of which the store lacks something. */
export interface MissingLayer extends SourceLayer {
  /** Its blob is in the store. */
  blob: boolean;
  /** Its tree is. Then a blob that claims to be the same content is only compared. */
  tree: boolean;
}

/** What is in a workspace, complete and checked, to be put in its place. */
export interface AcquiredLayer {
  /** File and digest of the blob, unless the store has it. */
  blob?: { file: string; digest: string };
  /** Folder with tree and record, unless the store has it. */
  layer?: { folder: string; diffId: string };
}

/** How many layers are fetched or unpacked at a time: enough to keep a slow server and two processors busy. */
const parallel = 3;

export interface Acquisition {
  source: ImageSource;
  agent: LayerAgent;
  layout: Layout;
  workspace: string;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: ImageProgress) => void) | undefined;
}

/**
 * Each layer once, although an image may use it twice, and of two that are compressed differently and unpack to the
 * same, one tree.
 */
export async function missingLayers(
  { layers }: CheckedSource,
  hasBlob: (layer: SourceLayer) => Promise<boolean>,
  hasTree: (layer: SourceLayer) => Promise<boolean>,
): Promise<MissingLayer[]> {
  const blobs = new Set<string>();
  const trees = new Set<string>();
  const missing: MissingLayer[] = [];
  for (const layer of layers) {
    if (blobs.has(layer.descriptor.digest)) {
      continue;
    }
    blobs.add(layer.descriptor.digest);
    const blob = await hasBlob(layer);
    const tree = trees.has(layer.diffId) || (await hasTree(layer));
    trees.add(layer.diffId);
    if (!blob || !tree) {
      missing.push({ ...layer, blob, tree });
    }
  }
  return missing;
}

/**
 * Fetches, checks and unpacks layers into a workspace. After the first failure the others are ended, and only then it
 * is thrown: the workspace can be removed.
 */
export async function acquireLayers(
  layers: readonly MissingLayer[],
  acquisition: Acquisition,
): Promise<AcquiredLayer[]> {
  const abort = new AbortController();
  const { signal } = acquisition;
  const end = () => abort.abort();
  signal?.addEventListener('abort', end, { once: true });
  const progress = new AcquisitionProgress(layers, acquisition);
  const acquired: AcquiredLayer[] = [];
  let failure: unknown;
  const queue = [...layers];
  const work = async () => {
    for (let layer = queue.shift(); layer && !abort.signal.aborted; layer = queue.shift()) {
      try {
        acquired.push(await acquireLayer(layer, acquisition, abort.signal, progress));
      } catch (error) {
        // The others are cancelled because of the first one.
        failure ??= error;
        abort.abort();
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(parallel, layers.length) }, work));
  } finally {
    signal?.removeEventListener('abort', end);
  }
  if (signal?.aborted) {
    throw cancelled();
  }
  if (failure !== undefined) {
    throw failure;
  }
  return acquired;
}

async function acquireLayer(
  missing: MissingLayer,
  { source, agent, layout, workspace }: Acquisition,
  signal: AbortSignal,
  progress: AcquisitionProgress,
): Promise<AcquiredLayer> {
  const { descriptor, original, diffId } = missing;
  const { digest, size } = descriptor;
  const file = join(workspace, `blob-${hexOf(digest)}`);
  const folder = join(workspace, `layer-${hexOf(diffId)}`);
  const there = missing.blob ? { path: layout.blobPath(digest) } : source.layerFile?.(original);
  if (!there) {
    await source.fetchLayer(original, file, { signal, report: (doneBytes) => progress.fetched(digest, doneBytes) });
  }
  progress.fetched(digest, size);
  if (signal.aborted) {
    throw cancelled();
  }
  if (!missing.tree) {
    await mkdir(folder, { mode: 0o700 });
  }
  const result = await agent.unpack(
    {
      archive: there ?? { path: file },
      layer: true,
      expected: { digest, size, diffId },
      ...(there && !missing.blob ? { blob: file } : {}),
      ...(missing.tree ? {} : { tree: treeIn(folder) }),
    },
    { signal, onProgress: ({ doneBytes, entries }) => progress.unpacked(digest, doneBytes, entries) },
  );
  progress.unpacked(digest, size, result.entries);
  if (!missing.tree) {
    const { unpackedBytes, entries, notes, opaque } = result;
    await writeLayerRecord(folder, { unpackedBytes, entries, notes, opaque, blob: digest }, workspace);
  }
  return {
    ...(missing.blob ? {} : { blob: { file, digest } }),
    ...(missing.tree ? {} : { layer: { folder, diffId } }),
  };
}

/** Adds up what layers have done: first all that is fetched, then all that is unpacked. */
class AcquisitionProgress {
  private readonly total: number;
  private readonly done = new Map<string, { fetched: number; unpacked: number; entries: number }>();

  constructor(
    layers: readonly MissingLayer[],
    private readonly acquisition: Pick<Acquisition, 'source' | 'onProgress'>,
  ) {
    this.total = layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    for (const { descriptor } of layers) {
      this.done.set(descriptor.digest, { fetched: 0, unpacked: 0, entries: 0 });
    }
  }

  fetched(digest: string, doneBytes: number): void {
    this.update(digest, { fetched: doneBytes });
  }

  unpacked(digest: string, doneBytes: number, entries: number): void {
    this.update(digest, { unpacked: doneBytes, entries });
  }

  private update(digest: string, change: Partial<{ fetched: number; unpacked: number; entries: number }>): void {
    const before = this.done.get(digest);
    if (before) {
      Object.assign(before, change);
    }
    const all = [...this.done.values()];
    const sum = (key: 'fetched' | 'unpacked' | 'entries') => all.reduce((total, done) => total + done[key], 0);
    const fetched = sum('fetched');
    const fetching = fetched < this.total;
    this.acquisition.onProgress?.({
      phase: fetching ? this.acquisition.source.phase : 'unpack',
      doneBytes: fetching ? fetched : sum('unpacked'),
      totalBytes: this.total,
      entries: sum('entries'),
      item: digest,
    });
  }
}

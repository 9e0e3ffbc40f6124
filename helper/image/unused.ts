import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failedWith } from './failure.js';
import type { LayerFolders } from './layers.js';
import { hexOf, type Index } from './layout.js';
import { readAllNeeds } from './needs.js';
import type { StoreFolder } from './storeFolder.js';

/** A container and the layers (paths as in `Image.layers`) its root is made of. */
export interface LayerUse {
  container: string;
  /** `unknown`: its record is damaged, so that any layer may be one of them. */
  layers: readonly string[] | 'unknown';
  /** Of the image it was made from, if it was. */
  imageDigest?: string;
}

/**
 * Finds blobs and unpacked layers that no image of `index`, no container and no unfinished operation needs. Needs the
 * store's lock. Nothing is unused while an image or a container cannot be read: what it needs is not known.
 * @returns their paths
 */
export async function findUnused(store: StoreFolder, index: Index, uses: readonly LayerUse[]): Promise<string[]> {
  const needed = await neededBy(store, index, uses);
  if (!needed) {
    return [];
  }
  const unused: string[] = [];
  for (const [kind, folder] of [
    ['blobs', store.layout.blobs],
    ['layers', store.layers.folder],
  ] as const) {
    for (const name of await readdir(folder)) {
      if (!needed[kind].has(name)) {
        unused.push(join(folder, name));
      }
    }
  }
  return unused;
}

async function neededBy(
  { layout, layers: folders, ingest }: StoreFolder,
  index: Index,
  uses: readonly LayerUse[],
): Promise<{ blobs: Set<string>; layers: Set<string> } | undefined> {
  const needs = await readAllNeeds(ingest);
  const blobs = new Set(needs.blobs);
  const layers = new Set(needs.layers);
  try {
    for (const descriptor of index.manifests) {
      const manifest = await layout.readManifest(descriptor);
      const config = await layout.readConfig(manifest.config);
      for (const { digest } of [descriptor, manifest.config, ...manifest.layers]) {
        blobs.add(hexOf(digest));
      }
      for (const diffId of config.rootfs.diff_ids) {
        layers.add(hexOf(diffId));
      }
    }
  } catch (error) {
    process.stderr.write(`Unused layers are kept, since an image is damaged: ${String(error)}\n`);
    return undefined;
  }
  const known = uses.flatMap(({ layers }) => (layers === 'unknown' ? [] : [layers]));
  if (known.length < uses.length) {
    process.stderr.write('Unused layers are kept, since the record of a container is damaged\n');
    return undefined;
  }
  for (const tree of known.flat()) {
    layers.add(basename(dirname(tree)));
    // Without its blob a container could not be made into an image any more.
    const blob = await blobOf(folders, tree);
    if (blob !== undefined) {
      blobs.add(hexOf(blob));
    }
  }
  return { blobs, layers };
}

async function blobOf(folders: LayerFolders, tree: string): Promise<string | undefined> {
  try {
    return (await folders.readRecord(tree)).blob;
  } catch (error) {
    // A container may also use folders that are no layers of ours.
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) {
      return undefined;
    }
    throw error;
  }
}

import { readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hexOf, type Layout } from './layout.js';

/** A container and the layers (paths as in `Image.layers`) its root is made of. */
export interface LayerUse {
  container: string;
  layers: readonly string[];
}

/**
 * Moves blobs and unpacked layers that no image and no container needs into `trash`, a folder on the same file
 * system. Needs the store's exclusive lock. Nothing goes while an image cannot be read: what it needs is not known.
 */
export async function discardUnused(
  layout: Layout,
  folders: { blobs: string; layers: string },
  uses: readonly LayerUse[],
  trash: string,
): Promise<void> {
  const needed = await neededBy(layout, uses);
  if (!needed) {
    return;
  }
  for (const kind of ['blobs', 'layers'] as const) {
    for (const name of await readdir(folders[kind])) {
      if (!needed[kind].has(name)) {
        await rename(join(folders[kind], name), join(trash, `unused-${kind}-${name}`));
      }
    }
  }
}

async function neededBy(
  layout: Layout,
  uses: readonly LayerUse[],
): Promise<{ blobs: Set<string>; layers: Set<string> } | undefined> {
  const blobs = new Set<string>();
  const layers = new Set<string>();
  try {
    for (const descriptor of (await layout.readIndex()).manifests) {
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
  for (const use of uses) {
    for (const layer of use.layers) {
      layers.add(basename(dirname(layer)));
    }
  }
  return { blobs, layers };
}

import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { ImageDetails, ImageSummary, LayerDetails } from '../protocol/images.js';
import type { LayerRecord } from './layers.js';
import { type Descriptor, type ImageConfig, type Index, type Manifest, refNameAnnotation } from './layout.js';
import type { StoreFolder } from './storeFolder.js';
import type { LayerUse } from './unused.js';

/** An image, ready to be a root. */
export interface Image {
  name: string;
  /** Of the manifest. */
  digest: string;
  /** Folders of the unpacked layers, top first: lower layers of an overlay. */
  layers: string[];
  config: ImageConfig;
  /** Its descriptors name the blobs: the configuration, and the layers, bottom first. */
  manifest: Manifest;
  /** Of the manifest. */
  descriptor: Descriptor;
  /** Where the blob of a descriptor of this image is. To be read only, and only while the image is in use. */
  blobPath(descriptor: Pick<Descriptor, 'digest'>): string;
}

/** The name an index has for an image; one without was put there by another tool. */
export function nameOf(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[refNameAnnotation];
}

/** @throws TerrariumError NotFound */
export function findImage(index: Index, name: string): Descriptor {
  const descriptor = index.manifests.find((candidate) => nameOf(candidate) === name);
  if (!descriptor) {
    throw terrariumError(ErrorCode.NotFound, `There is no image named ${JSON.stringify(name)}`, {
      fix: 'Import it, or choose another one.',
      command: 'terrarium images',
    });
  }
  return descriptor;
}

/** @throws TerrariumError NameTaken */
export function refuseTaken(index: Index, name: string): void {
  if (index.manifests.some((descriptor) => nameOf(descriptor) === name)) {
    throw terrariumError(ErrorCode.NameTaken, `An image named ${JSON.stringify(name)} exists already`, {
      fix: 'Choose another name, or remove that image first.',
    });
  }
}

/** Reads an image. Under the lock. @throws TerrariumError BadInput when it is damaged */
export async function loadImage(store: StoreFolder, name: string, descriptor: Descriptor): Promise<Image> {
  const manifest = await store.layout.readManifest(descriptor);
  const config = await store.layout.readConfig(manifest.config);
  return {
    name,
    digest: descriptor.digest,
    layers: await stack(store, config.rootfs.diff_ids),
    config,
    manifest,
    descriptor,
    blobPath: ({ digest }) => store.layout.blobPath(digest),
  };
}

/**
 * The trees of layers, top first. An overlay refuses to have one twice: only its topmost place counts, where it hides
 * and brings all that it does below.
 */
async function stack({ layers }: StoreFolder, diffIds: readonly string[]): Promise<string[]> {
  const trees: string[] = [];
  for (const tree of new Set([...diffIds].reverse().map((diffId) => layers.tree(diffId)))) {
    trees.push(tree);
    if ((await layers.readRecord(tree)).opaque) {
      break;
    }
  }
  return trees;
}

/** Names of the containers that were made from an image. */
export function usersOf({ digest, layers }: Pick<Image, 'digest' | 'layers'>, uses: readonly LayerUse[]): string[] {
  return uses
    .filter((use) =>
      use.imageDigest === undefined
        ? use.layers !== 'unknown' && layers.every((layer) => use.layers.includes(layer))
        : use.imageDigest === digest,
    )
    .map(({ container }) => container);
}

/** What is shown of an image; of one that is damaged, that it is. Under the lock. */
export async function summarize(
  store: StoreFolder,
  name: string,
  descriptor: Descriptor,
  uses: readonly LayerUse[],
): Promise<ImageSummary> {
  try {
    return await summaryOf(store, await loadImage(store, name, descriptor), uses);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return { name, digest: descriptor.digest, createdAt: '', sizeBytes: 0, usedBy: [], notes: [`Damaged: ${cause}`] };
  }
}

async function summaryOf(store: StoreFolder, image: Image, uses: readonly LayerUse[]): Promise<ImageSummary> {
  const records = await Promise.all(image.layers.map((layer) => store.layers.readRecord(layer)));
  return {
    name: image.name,
    digest: image.digest,
    createdAt: image.config.created ?? '',
    sizeBytes: records.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
    usedBy: usersOf(image, uses),
    notes: records.flatMap(({ notes }) => notes),
  };
}

/** All that is known of an image. Under the lock. @throws TerrariumError NotFound, BadInput when it is damaged */
export async function inspectImage(store: StoreFolder, name: string, uses: readonly LayerUse[]): Promise<ImageDetails> {
  const index = await store.layout.readIndex();
  const image = await loadImage(store, name, findImage(index, name));
  const { config, manifest } = image;
  const names = await namesByLayer(store, index);
  const steps = (config.history ?? []).filter(({ empty_layer }) => empty_layer !== true);
  const layers = await Promise.all(
    manifest.layers.map(async ({ digest, mediaType, size }, at): Promise<LayerDetails> => {
      const diffId = config.rootfs.diff_ids[at] ?? '';
      const { unpackedBytes, entries }: LayerRecord = await store.layers.readRecord(store.layers.tree(diffId));
      const { created, created_by, comment } = steps[at] ?? {};
      return {
        diffId,
        digest,
        mediaType,
        sizeBytes: size,
        unpackedBytes,
        entries,
        ...(created_by && { createdBy: created_by }),
        ...(created && { createdAt: created }),
        ...(comment && { comment }),
        sharedWith: (names.get(diffId) ?? []).filter((other) => other !== name),
      };
    }),
  );
  const { os, architecture, variant } = config;
  return {
    summary: await summaryOf(store, image, uses),
    platform: { os, architecture, ...(variant && { variant }) },
    layers,
    config,
  };
}

/** Images by the diffIDs of their layers. One that is damaged shares none that could be told. */
async function namesByLayer({ layout }: StoreFolder, { manifests }: Index): Promise<Map<string, string[]>> {
  const names = new Map<string, string[]>();
  for (const descriptor of manifests) {
    const name = nameOf(descriptor);
    if (name === undefined) {
      continue;
    }
    try {
      const { rootfs } = await layout.readConfig((await layout.readManifest(descriptor)).config);
      for (const diffId of new Set(rootfs.diff_ids)) {
        names.set(diffId, [...(names.get(diffId) ?? []), name]);
      }
    } catch (error) {
      process.stderr.write(`Not asked for its layers: ${JSON.stringify(name)}: ${String(error)}\n`);
    }
  }
  return names;
}

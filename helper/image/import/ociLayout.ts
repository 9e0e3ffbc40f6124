import type { Platform } from '../../protocol/images.js';
import {
  type Descriptor,
  hexOf,
  type Index,
  mediaTypes,
  parseConfig,
  parseIndex,
  parseManifest,
  refNameAnnotation,
} from '../layout.js';
import { checkBytes, dockerTypes, type FileRange } from '../source.js';
import { type ArchiveFiles, readDocument } from './files.js';
import type { FoundImage } from './found.js';

/** What containerd and `docker save` put beside `org.opencontainers.image.ref.name`, where they keep only the tag. */
const containerdNameAnnotation = 'io.containerd.image.name';

/** An index in an index in an index: image-spec allows it, and nobody needs it. */
const deepest = 4;

/** The images of an OCI layout, in a folder or archive: image-spec image-layout.md. @throws TerrariumError BadInput */
export async function layoutImages(files: ArchiveFiles): Promise<FoundImage[]> {
  return await imagesOf(files, parseIndex(await readDocument(files, 'index.json'), 'index.json'), undefined, 1);
}

async function imagesOf(
  files: ArchiveFiles,
  index: Index,
  inherited: string | undefined,
  depth: number,
): Promise<FoundImage[]> {
  const images: FoundImage[] = [];
  for (const descriptor of index.manifests) {
    const reference = referenceOf(descriptor) ?? inherited;
    if (!(await files.find(blobName(descriptor.digest)))) {
      // An archive of one platform still has the index of all.
      continue;
    }
    if (isIndex(descriptor.mediaType)) {
      const bytes = await readBlob(files, descriptor, 'an index');
      const nested = depth < deepest ? parseIndex(bytes, 'an index') : { schemaVersion: 2 as const, manifests: [] };
      images.push(...(await imagesOf(files, nested, reference, depth + 1)));
    } else if (isManifest(descriptor.mediaType)) {
      const image = await readImage(files, descriptor, reference);
      images.push(...(image ? [image] : []));
    }
  }
  return images;
}

/** @returns undefined for what is no container image */
async function readImage(
  files: ArchiveFiles,
  descriptor: Descriptor,
  reference: string | undefined,
): Promise<FoundImage | undefined> {
  const bytes = await readBlob(files, descriptor, 'a manifest');
  const manifest = parseManifest(bytes, 'a manifest');
  if (manifest.config.mediaType !== mediaTypes.config && manifest.config.mediaType !== dockerTypes.config) {
    return undefined;
  }
  const config = await readBlob(files, manifest.config, 'a configuration');
  const platform = platformOf(config);
  if (platform.os === 'unknown') {
    // How BuildKit marks its attestations.
    return undefined;
  }
  const ranges = new Map<string, FileRange>();
  for (const { digest } of manifest.layers) {
    const found = await files.find(blobName(digest));
    if (found?.range) {
      ranges.set(digest, found.range);
    }
  }
  return {
    ...(reference === undefined ? {} : { reference }),
    digest: descriptor.digest,
    platform,
    layers: manifest.layers.length,
    sizeBytes: manifest.layers.reduce((sum, { size }) => sum + size, 0),
    open: async () => ({
      manifest: { mediaType: descriptor.mediaType, bytes },
      config,
      layerFile: ({ digest }) => ranges.get(digest),
    }),
  };
}

function platformOf(config: Buffer): Platform {
  const { os, architecture, variant } = parseConfig(config, 'a configuration');
  return { os, architecture, ...(variant ? { variant } : {}) };
}

async function readBlob(files: ArchiveFiles, descriptor: Descriptor, what: string): Promise<Buffer> {
  const bytes = await readDocument(files, blobName(descriptor.digest));
  checkBytes(bytes, descriptor, what);
  return bytes;
}

function referenceOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[containerdNameAnnotation] ?? annotations?.[refNameAnnotation];
}

function blobName(digest: string): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

const isIndex = (mediaType: string) => mediaType === mediaTypes.index || mediaType === dockerTypes.index;
const isManifest = (mediaType: string) => mediaType === mediaTypes.manifest || mediaType === dockerTypes.manifest;

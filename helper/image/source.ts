import { createHash } from 'node:crypto';
import type { ImageProgress } from '../protocol/images.js';
import { badInput } from './failure.js';
import { type Descriptor, type ImageConfig, type Manifest, mediaTypes, parseConfig, parseManifest } from './layout.js';

/** Bytes of a file; all of it when `size` is missing. */
export interface FileRange {
  path: string;
  offset?: number;
  size?: number;
}

export interface LayerFetch {
  signal: AbortSignal;
  /** To be told how many bytes of this layer are there now. Call it as often as you like. */
  report: (doneBytes: number) => void;
}

/** An image from anywhere: a registry, an archive, a container that is committed. The store checks all it says. */
export interface ImageSource {
  /** An image manifest of OCI, or of Docker (schema 2), which is stored as OCI's. */
  manifest: { mediaType: string; bytes: Buffer };
  /** The configuration document, as the manifest's descriptor says it is. */
  config: Buffer;
  /** What progress calls the fetching of layers. */
  phase: ImageProgress['phase'];
  /**
   * Writes the bytes of a layer into `file`, which may exist from an attempt before. Called only for what the store
   * lacks, several at a time. Size and digest are checked afterwards, whoever has fetched it.
   * @throws what the request shall be answered with
   */
  fetchLayer(descriptor: Descriptor, file: string, fetch: LayerFetch): Promise<void>;
  /** Where the bytes of a layer are already, so that they need not be fetched: read in place, never changed. */
  layerFile?(descriptor: Descriptor): FileRange | undefined;
}

/** What a source says, checked: syntax, sizes and digests of documents, and that they belong together. */
export interface CheckedSource {
  manifest: Manifest;
  /** As the store keeps them. */
  manifestBytes: Buffer;
  config: ImageConfig;
  configBytes: Buffer;
  /** Bottom first. */
  layers: SourceLayer[];
}

export interface SourceLayer {
  /** With OCI's media type. */
  descriptor: Descriptor;
  /** As the source has it. */
  original: Descriptor;
  diffId: string;
}

const layerType = 'application/vnd.oci.image.layer.v1.tar';
const dockerLayerType = 'application/vnd.docker.image.rootfs.diff.tar';

/** Docker's names for what OCI has taken over from it. */
export const dockerTypes = {
  index: 'application/vnd.docker.distribution.manifest.list.v2+json',
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
} as const;

const layerTypes: ReadonlyMap<string, string> = new Map([
  ...['', '+gzip', '+zstd'].map((ending) => [layerType + ending, layerType + ending] as const),
  [dockerLayerType, layerType],
  [`${dockerLayerType}.gzip`, `${layerType}+gzip`],
  [`${dockerLayerType}.zstd`, `${layerType}+zstd`],
]);

/** More than any image has, and than an overlay can stack (OVL_MAX_STACK is 500, and a container adds some). */
const maximumLayers = 480;

/**
 * Reads and checks the documents of a source.
 * @throws TerrariumError BadInput
 */
export function checkSource(source: Pick<ImageSource, 'manifest' | 'config'>): CheckedSource {
  const { mediaType, bytes } = source.manifest;
  if (mediaType !== mediaTypes.manifest && mediaType !== dockerTypes.manifest) {
    throw badInput(`The image's manifest is of a type that cannot be used: ${shownType(mediaType)}`, {
      cause: 'Manifests of OCI and of Docker, version 2 schema 2, can.',
    });
  }
  const original = parseManifest(bytes, 'the manifest');
  const { config: described } = original;
  if (described.mediaType !== mediaTypes.config && described.mediaType !== dockerTypes.config) {
    throw badInput(`This is no container image: its configuration is ${shownType(described.mediaType)}`, {
      cause: 'Registries and layouts hold other things too, such as charts and signatures.',
    });
  }
  checkBytes(source.config, described, 'the configuration');
  const config = parseConfig(source.config, 'the configuration');
  const layers = pairLayers(original.layers, config.rootfs.diff_ids);
  if (mediaType === mediaTypes.manifest && layers.every(({ descriptor, original }) => descriptor === original)) {
    return { manifest: original, manifestBytes: bytes, config, configBytes: source.config, layers };
  }
  const manifest = composeManifest(
    { mediaType: mediaTypes.config, digest: described.digest, size: described.size },
    layers.map(({ descriptor }) => descriptor),
  );
  return { manifest, manifestBytes: documentBytes(manifest), config, configBytes: source.config, layers };
}

/** A manifest, always the same for the same parts. */
export function composeManifest(config: Descriptor, layers: readonly Descriptor[]): Manifest {
  return { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [...layers] };
}

/**
 * The documents of an image made here, for an `ImageSource`.
 * @param layers of the blobs, bottom first; `config.rootfs.diff_ids` has as many.
 */
export function composeDocuments(
  config: ImageConfig,
  layers: readonly Descriptor[],
): Pick<ImageSource, 'manifest' | 'config'> {
  const bytes = documentBytes(config);
  const manifest = composeManifest(describe(mediaTypes.config, bytes), layers);
  return { manifest: { mediaType: mediaTypes.manifest, bytes: documentBytes(manifest) }, config: bytes };
}

/** The descriptor of bytes at hand. */
export function describe(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function documentBytes(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}

/** @throws TerrariumError BadInput when bytes are not what their descriptor says. @param what such as `the manifest` */
export function checkBytes(bytes: Buffer, { digest, size }: Descriptor, what: string): void {
  if (bytes.length !== size) {
    throw badInput(`The image is damaged: ${what} has ${bytes.length} bytes, not ${size}`);
  }
  if (digestOf(bytes) !== digest) {
    throw badInput(`The image is damaged: ${what} does not match its digest`, { cause: `Expected ${digest}.` });
  }
}

function pairLayers(descriptors: readonly Descriptor[], diffIds: readonly string[]): SourceLayer[] {
  if (descriptors.length !== diffIds.length) {
    throw badInput(
      `The image is damaged: it has ${descriptors.length} layers, and its configuration speaks of ${diffIds.length}`,
    );
  }
  if (descriptors.length > maximumLayers) {
    throw badInput(`The image has ${descriptors.length} layers, and at most ${maximumLayers} can be stacked`);
  }
  const seen = new Map<string, string>();
  return descriptors.map((original, index) => {
    const type = layerTypes.get(original.mediaType);
    if (type === undefined) {
      throw badInput(`A layer of the image is of a type that cannot be used: ${shownType(original.mediaType)}`, {
        cause: /foreign|nondistributable/.test(original.mediaType)
          ? 'Its content may not be distributed with the image, and comes from elsewhere.'
          : 'Layers are tar archives, plain or compressed with gzip or zstd.',
      });
    }
    const diffId = diffIds[index] ?? '';
    if ((seen.get(original.digest) ?? diffId) !== diffId) {
      throw badInput('The image is damaged: it says of one layer that it has two contents', { cause: original.digest });
    }
    seen.set(original.digest, diffId);
    const { digest, size } = original;
    return { original, diffId, descriptor: type === original.mediaType ? original : { mediaType: type, digest, size } };
  });
}

/** Untrusted text, for a message. */
function shownType(mediaType: string): string {
  return JSON.stringify(mediaType.slice(0, 100));
}

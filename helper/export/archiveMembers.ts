import { type Descriptor, hexOf, mediaTypes, refNameAnnotation } from '../image/layout.js';
import { describe } from '../image/source.js';
import type { ImageContent } from './containerImage.js';
import type { ArchiveMember } from './protocol.js';

/** image-spec image-layout.md, in a tar. Pure. @param name how others shall call it */
export function ociArchive(image: ImageContent, name: string): ArchiveMember[] {
  const { manifest, config } = image.documents;
  const described = describe(manifest.mediaType, manifest.bytes);
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [{ ...described, annotations: { [refNameAnnotation]: name } }],
  };
  const blob = (hex: string) => `blobs/sha256/${hex}`;
  return [
    // Who unpacks it as an ordinary user fails where it has to make a folder that is not named (skopeo 1.9).
    { folder: 'blobs' },
    { folder: 'blobs/sha256' },
    { path: 'oci-layout', text: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', text: JSON.stringify(index) },
    { path: blob(hexOf(described.digest)), text: manifest.bytes.toString('utf8') },
    { path: blob(hexOf(describe(mediaTypes.config, config).digest)), text: config.toString('utf8') },
    ...distinct(image.layers).map((layer) => ({ path: blob(hexOf(layer.digest)), file: image.file(layer) })),
  ];
}

/**
 * What `docker load` and `podman load` read: manifest.json, the configuration, and layers as plain tars.
 * Source: github.com/moby/docker-image-spec, v1.2, "Combined Image JSON + Filesystem Changeset Format". Pure.
 */
export function dockerArchive(image: ImageContent, name: string | undefined): ArchiveMember[] {
  const { config } = image.documents;
  const configName = `${hexOf(describe(mediaTypes.config, config).digest)}.json`;
  const names = image.config.rootfs.diff_ids.map((diffId) => `${hexOf(diffId)}.tar`);
  const manifest = [{ Config: configName, RepoTags: name === undefined ? null : [name], Layers: names }];
  const contents = new Map(image.layers.map((layer, index) => [names[index] ?? '', image.file(layer)]));
  return [
    { path: 'manifest.json', text: JSON.stringify(manifest) },
    { path: configName, text: config.toString('utf8') },
    ...[...contents].map(([path, compressed]) => ({ path, compressed })),
  ];
}

/** An image may have a layer twice. */
function distinct(layers: readonly Descriptor[]): Descriptor[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
}

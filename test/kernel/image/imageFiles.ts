/** Images made by hand: layers of chosen entries, as the archives and layouts in which they travel. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { paxArchive, type RawEntry } from './rawTar.js';

export interface MadeLayer {
  tar: Buffer;
  diffId: string;
  /** As it is stored. */
  blob: Buffer;
  digest: string;
  mediaType: string;
}

export const digestOf = (bytes: Buffer | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export function makeLayer(entries: readonly RawEntry[], compressed = true): MadeLayer {
  const tar = paxArchive(entries);
  const blob = compressed ? gzipSync(tar) : tar;
  const mediaType = `application/vnd.oci.image.layer.v1.tar${compressed ? '+gzip' : ''}`;
  return { tar, diffId: digestOf(tar), blob, digest: digestOf(blob), mediaType };
}

export interface MadeImage {
  config: Buffer;
  manifest: Buffer;
  layers: readonly MadeLayer[];
}

export interface MadeImageOptions {
  architecture?: string;
  /** Fields of the configuration's `config`. */
  config?: object;
  history?: object[];
  /** Default: those of the layers. */
  diffIds?: string[];
}

export const hereArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;

export function makeImage(layers: readonly MadeLayer[], options: MadeImageOptions = {}): MadeImage {
  const config = Buffer.from(
    JSON.stringify({
      architecture: options.architecture ?? hereArchitecture,
      os: 'linux',
      config: options.config ?? {},
      rootfs: { type: 'layers', diff_ids: options.diffIds ?? layers.map(({ diffId }) => diffId) },
      history: options.history ?? layers.map((_, index) => ({ created_by: `step ${index}` })),
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor('application/vnd.oci.image.config.v1+json', config),
      layers: layers.map(({ mediaType, digest, blob }) => ({ mediaType, digest, size: blob.length })),
    }),
  );
  return { config, manifest, layers };
}

export function descriptor(mediaType: string, bytes: Buffer) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';

/** Files of an OCI layout, by name. @param manifests of index.json; default: the images by their names */
export function layoutFiles(images: Readonly<Record<string, MadeImage>>, manifests?: object[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>([['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')]]);
  const put = (bytes: Buffer) => files.set(`blobs/sha256/${digestOf(bytes).slice('sha256:'.length)}`, bytes);
  for (const { config, manifest, layers } of Object.values(images)) {
    for (const bytes of [config, manifest, ...layers.map(({ blob }) => blob)]) put(bytes);
  }
  const named = Object.entries(images).map(([name, { manifest }]) => ({
    ...descriptor(manifestType, manifest),
    annotations: { 'org.opencontainers.image.ref.name': name },
  }));
  files.set('index.json', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: manifests ?? named })));
  return files;
}

/** Files of a docker-archive in its legacy shape, with links between layers that are the same, as tar entries. */
export function dockerEntries(images: readonly { image: MadeImage; tags?: string[] }[]): RawEntry[] {
  const entries: RawEntry[] = [];
  const places = new Map<string, string>();
  const items = images.map(({ image, tags }, at) => {
    const config = `${digestOf(image.config).slice('sha256:'.length)}.json`;
    const layers = image.layers.map(({ diffId, tar }, index) => {
      const name = `${at}-${index}/layer.tar`;
      const place = places.get(diffId);
      entries.push({ name: `${at}-${index}/`, type: '5' });
      if (place === undefined) {
        places.set(diffId, name);
        entries.push({ name, content: tar });
      } else {
        entries.push({ name, type: '2', link: `../${place}` });
      }
      return name;
    });
    entries.push({ name: config, content: image.config });
    return { Config: config, RepoTags: tags ?? null, Layers: layers };
  });
  // Last, as `docker save` has it.
  return [
    ...entries,
    { name: 'manifest.json', content: JSON.stringify(items) },
    { name: 'repositories', content: '{}' },
  ];
}

export function entriesOf(files: ReadonlyMap<string, Buffer>): RawEntry[] {
  return [...files].map(([name, content]) => ({ name, content }));
}

export function writeFolder(folder: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [name, content] of files) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
}

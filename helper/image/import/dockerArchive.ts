import { createHash } from 'node:crypto';
import { z } from 'zod';
import { openArchive, readChunks } from '../archiveFile.js';
import { detectCompression } from '../compression.js';
import { badInput } from '../failure.js';
import { type Descriptor, mediaTypes, parseConfig } from '../layout.js';
import { composeManifest, describe, type FileRange } from '../source.js';
import { type ArchiveFiles, damaged, headOf, readDocument, shownName } from './files.js';
import type { FoundImage } from './found.js';

/** What `docker save` and `podman save` write: moby's image specification v1.2, "Combined Image JSON + Filesystem". */
const manifestSchema = z.array(
  z.looseObject({ Config: z.string(), RepoTags: z.array(z.string()).nullish(), Layers: z.array(z.string()) }),
);
type Item = z.infer<typeof manifestSchema>[number];

const layerType = 'application/vnd.oci.image.layer.v1.tar';

/** The images of a docker-archive, one for each of their tags. @throws TerrariumError BadInput */
export async function dockerImages(files: ArchiveFiles): Promise<FoundImage[]> {
  const images: FoundImage[] = [];
  for (const item of parseItems(files, await readDocument(files, 'manifest.json'))) {
    const config = await readDocument(files, item.Config);
    const { os, architecture, variant } = parseConfig(config, 'the configuration');
    const sizes = await Promise.all(item.Layers.map(async (name) => (await findLayer(files, name)).size));
    const image = {
      digest: describe(mediaTypes.config, config).digest,
      platform: { os, architecture, ...(variant ? { variant } : {}) },
      layers: item.Layers.length,
      sizeBytes: sizes.reduce((sum, size) => sum + size, 0),
      open: (signal?: AbortSignal) => openImage(files, item, config, signal),
    };
    const tags = item.RepoTags ?? [];
    images.push(...(tags.length > 0 ? tags.map((reference) => ({ ...image, reference })) : [image]));
  }
  return images;
}

function parseItems(files: ArchiveFiles, bytes: Buffer): Item[] {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw damaged(files, `manifest.json is not JSON (${error instanceof Error ? error.message : error})`);
  }
  const parsed = manifestSchema.safeParse(document);
  if (!parsed.success) {
    throw damaged(files, `manifest.json is not as \`docker save\` writes it: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}

/** The archive tells no digests of its layers: those of plain tars are their diffIDs, others are computed. */
async function openImage(files: ArchiveFiles, item: Item, config: Buffer, signal: AbortSignal | undefined) {
  const diffIds = parseConfig(config, 'the configuration').rootfs.diff_ids;
  const ranges = new Map<string, FileRange>();
  const layers: Descriptor[] = [];
  for (const [index, name] of item.Layers.entries()) {
    const { size, range } = await findLayer(files, name);
    if (!range) {
      throw damaged(files, `the layer ${shownName(name)} was not read`);
    }
    const compression = size === 0 ? 'none' : detectCompression(await headOf(range, 16));
    if (compression === 'xz' || compression === 'bzip2') {
      throw badInput(`A layer of the image is compressed with ${compression}, which image layers cannot be`, {
        path: files.path,
        fix: 'Load it into the engine it comes from, and save it again.',
      });
    }
    const diffId = diffIds[index];
    const digest = compression === 'none' && diffId !== undefined ? diffId : await digestOfRange(range, signal);
    ranges.set(digest, range);
    layers.push({ mediaType: compression === 'none' ? layerType : `${layerType}+${compression}`, digest, size });
  }
  const manifest = composeManifest(describe(mediaTypes.config, config), layers);
  return {
    manifest: { mediaType: mediaTypes.manifest, bytes: Buffer.from(JSON.stringify(manifest)) },
    config,
    layerFile: ({ digest }: Descriptor) => ranges.get(digest),
  };
}

async function findLayer(files: ArchiveFiles, name: string) {
  const found = await files.find(name.replace(/^\.\//, ''));
  if (!found) {
    throw damaged(files, `the layer ${shownName(name)} is missing`);
  }
  return found;
}

async function digestOfRange(range: FileRange, signal: AbortSignal | undefined): Promise<string> {
  const archive = await openArchive(range);
  try {
    const hash = createHash('sha256');
    for await (const chunk of readChunks(archive)) {
      signal?.throwIfAborted();
      hash.update(chunk);
    }
    return `sha256:${hash.digest('hex')}`;
  } finally {
    await archive.handle.close();
  }
}

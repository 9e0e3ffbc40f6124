import { rename } from 'node:fs/promises';
import type { ArchiveContent, ImageSummary } from '../../protocol/images.js';
import { badInput } from '../failure.js';
import type { LayerAgent } from '../layerAgent.js';
import { type Descriptor, largestDocument } from '../layout.js';
import { thisPlatform } from '../platform.js';
import { isImageName, proposeName } from '../reference.js';
import type { ImageSource } from '../source.js';
import type { AddOptions, ImageStore, ImportOptions } from '../store.js';
import { dockerImages } from './dockerArchive.js';
import { type ArchiveFiles, damaged, folderFiles, isFolder, scannedFiles } from './files.js';
import { chooseImage, type FoundImage } from './found.js';
import { layoutImages } from './ociLayout.js';

export interface Importer {
  store: ImageStore;
  agent: LayerAgent;
}

/** Tells by its content what an archive or folder holds. @throws TerrariumError BadInput */
export async function inspectArchive(
  importer: Importer,
  file: string,
  options: ImportOptions,
): Promise<ArchiveContent> {
  return await withContent(importer, file, { ...options, largest: largestDocument }, async (content) => ({
    kind: content.kind,
    images: content.images.map(({ open: _, ...image }) => image),
  }));
}

/**
 * Imports whatever a file or folder holds: a root file system, or an image.
 * @param request as `ImportParams` says
 * @throws TerrariumError as `ImageStore.import` and `ImageStore.add`; Invalid when a choice is needed, NotFound for one
 * that is not there
 */
export async function importArchive(
  importer: Importer,
  { file, name, image }: { file: string; name?: string; image?: string },
  options: AddOptions,
): Promise<ImageSummary> {
  if (name !== undefined) {
    await importer.store.checkNew(name);
  }
  return await withContent(importer, file, options, async ({ kind, images, files }) => {
    if (kind === 'root') {
      if (image !== undefined) {
        throw badInput('The archive is a root file system and holds no images to choose from', { path: file });
      }
      return await importer.store.import({ file, name: name ?? proposeName(file) }, options);
    }
    const chosen = chooseImage(images, image, thisPlatform());
    const source = await sourceOf(chosen, files, options.signal);
    return await importer.store.add(name ?? defaultName(chosen, file), source, options);
  });
}

interface Content {
  kind: ArchiveContent['kind'];
  images: FoundImage[];
  files: ArchiveFiles;
}

/** Opens a file or folder; what is put aside for it lives as long as `action`. */
async function withContent<T>(
  { store, agent }: Importer,
  file: string,
  { signal, onProgress, largest }: ImportOptions & { largest?: number },
  action: (content: Content) => Promise<T>,
): Promise<T> {
  if (await isFolder(file)) {
    const files = folderFiles(file);
    if (!(await files.find('oci-layout'))) {
      throw badInput(`${file} is a folder, but not an OCI layout`, {
        path: file,
        cause: 'It has no file named oci-layout.',
        fix: 'If it is a root file system, use the folder itself as a root, or pack it with tar first.',
      });
    }
    return await action({ kind: 'oci-layout', images: await layoutImages(files), files });
  }
  return await store.withScratch(async (scratch) => {
    const scan = await agent.scan(
      { file, scratch, ...(largest === undefined ? {} : { largest }) },
      { ...(signal && { signal }), ...(onProgress && { onProgress }) },
    );
    const files = scannedFiles(file, scan);
    if (scan.kind === 'root') {
      return await action({ kind: 'root', images: [], files });
    }
    const images = scan.kind === 'oci-archive' ? await layoutImages(files) : await dockerImages(files);
    return await action({ kind: scan.kind, images, files });
  });
}

async function sourceOf(image: FoundImage, files: ArchiveFiles, signal: AbortSignal | undefined): Promise<ImageSource> {
  const { manifest, config, layerFile } = await image.open(signal);
  const find = (descriptor: Descriptor) => {
    const range = layerFile(descriptor);
    if (!range) {
      throw damaged(files, `the layer ${descriptor.digest} is missing`);
    }
    return range;
  };
  return {
    manifest,
    config,
    phase: 'copy',
    fetchLayer: async (descriptor, file) => await rename(find(descriptor).path, file),
    layerFile: (descriptor) => (files.owned ? undefined : find(descriptor)),
  };
}

/** The reference an image has where it comes from, if that can be a name here. */
function defaultName({ reference }: FoundImage, file: string): string {
  return reference !== undefined && isImageName(reference) ? reference : proposeName(file);
}

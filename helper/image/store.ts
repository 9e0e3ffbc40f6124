import { watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ImageDetails, ImageProgress, ImageSummary, LayerEntry, RemovalReport } from '../protocol/images.js';
import { type AcquiredLayer, acquireLayers, type MissingLayer, missingLayers } from './acquire.js';
import { badInput, cancelled } from './failure.js';
import type { LayerAgent } from './layerAgent.js';
import { treeIn, writeLayerRecord } from './layers.js';
import { hexOf, type ImageConfig, mediaTypes, refNameAnnotation } from './layout.js';
import { writeNeeds } from './needs.js';
import { thisPlatform } from './platform.js';
import { checkImageName } from './reference.js';
import { discardUnused, pruneImages, type RemovalTools, removeImage } from './removal.js';
import { type CheckedSource, checkSource, composeDocuments, type ImageSource } from './source.js';
import { findImage, type Image, inspectImage, loadImage, nameOf, refuseTaken, summarize } from './storedImage.js';
import { StoreFolder } from './storeFolder.js';
import type { LayerUse } from './unused.js';
import type { Workspace } from './workspace.js';

export type { Image };

export interface ImageStoreOptions {
  /** `$XDG_DATA_HOME/terrarium/images`, absolute. */
  folder: string;
  agent: LayerAgent;
  /** Which layers containers need; asked while the store is locked. */
  uses: () => Promise<readonly LayerUse[]>;
}

export interface ImportOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: ImageProgress) => void) | undefined;
}

export interface AddOptions extends ImportOptions {
  /** An image that has the name already gives it up, instead of NameTaken. */
  replace?: boolean;
}

/**
 * The images of a user: an OCI layout that other tools can read, with the layers unpacked beside it. Any number of
 * processes may use it at once.
 */
export class ImageStore {
  private readonly store: StoreFolder;
  private readonly removal: RemovalTools;

  constructor(private readonly options: ImageStoreOptions) {
    const { agent, uses } = options;
    this.store = new StoreFolder(options.folder, (path) => agent.removeTree(path));
    this.removal = { store: this.store, uses, measure: (paths) => agent.measure(paths) };
  }

  /** All images, by name. One that is damaged is listed with a note that says so. */
  async list(): Promise<ImageSummary[]> {
    return await this.store.locked('shared', async () => {
      const { manifests } = await this.store.layout.readIndex();
      const uses = await this.options.uses();
      const summaries: ImageSummary[] = [];
      for (const descriptor of manifests) {
        const name = nameOf(descriptor);
        if (name !== undefined) {
          summaries.push(await summarize(this.store, name, descriptor, uses));
        }
      }
      return summaries.sort((a, b) => (a.name < b.name ? -1 : 1));
    });
  }

  /** @throws TerrariumError NotFound, or BadInput when the image is damaged. */
  async resolve(name: string): Promise<Image> {
    return await this.use(name, (image) => Promise.resolve(image));
  }

  /**
   * Does something with an image that meanwhile cannot be removed, such as making a container that then uses it.
   * `action` must not change the store.
   * @throws TerrariumError as `resolve`, and what `action` throws.
   */
  async use<T>(name: string, action: (image: Image) => Promise<T>): Promise<T> {
    return await this.store.locked('shared', async () => {
      const descriptor = findImage(await this.store.layout.readIndex(), name);
      return await action(await loadImage(this.store, name, descriptor));
    });
  }

  /** All that is known of an image. @throws TerrariumError as `resolve` */
  async inspect(name: string): Promise<ImageDetails> {
    return await this.store.locked('shared', async () => inspectImage(this.store, name, await this.options.uses()));
  }

  /**
   * A folder of what a layer of an image brings or hides.
   * @param path in the layer
   * @throws TerrariumError as `resolve`; BadInput when the image has no such layer, or the layer no such folder
   */
  async layerEntries(name: string, diffId: string, path: string): Promise<LayerEntry[]> {
    return await this.use(name, async ({ config }) => {
      if (!config.rootfs.diff_ids.includes(diffId)) {
        throw badInput(`The image has no layer ${JSON.stringify(diffId)}`);
      }
      return await this.options.agent.listLayer(this.store.layers.tree(diffId), path);
    });
  }

  /** Refuses a name before any work is done for it. @throws TerrariumError Invalid, NameTaken */
  async checkNew(name: string): Promise<void> {
    checkImageName(name);
    await this.store.locked('shared', async () => refuseTaken(await this.store.layout.readIndex(), name));
  }

  /**
   * Takes an image from anywhere. Layers that are here already are neither fetched nor unpacked again; everything else
   * is checked (size, digest, diffID) before it is put in its place. After an error or a cancel the store is as before.
   * @throws TerrariumError Invalid (name), NameTaken, BadInput (image), Unavailable (no room), and what the source throws.
   */
  async add(name: string, source: ImageSource, options: AddOptions = {}): Promise<ImageSummary> {
    checkImageName(name);
    const checked = checkSource(source);
    return await this.inWorkspace(name, options, async (workspace) => {
      const { layout, layers } = this.store;
      const missing = await this.store.locked('exclusive', async () => {
        const missing = await missingLayers(
          checked,
          ({ descriptor }) => layout.hasBlob(descriptor),
          ({ diffId }) => layers.has(diffId),
        );
        await writeNeeds(workspace.path, presentIn(checked, missing));
        return missing;
      });
      const { signal, onProgress } = options;
      const { agent } = this.options;
      const acquired = await acquireLayers(missing, {
        source,
        agent,
        layout,
        workspace: workspace.path,
        signal,
        onProgress,
      });
      return await this.commit(workspace, name, checked, acquired, options);
    });
  }

  /**
   * Imports a root file system from a tar, plain or compressed. After an error or a cancel the store is as before.
   * @throws TerrariumError Invalid (name), NameTaken, BadInput (archive), Unavailable (no room).
   */
  async import({ file, name }: { file: string; name: string }, options: ImportOptions = {}): Promise<ImageSummary> {
    checkImageName(name);
    return await this.inWorkspace(name, options, async (workspace) => {
      const folder = join(workspace.path, 'layer');
      const blob = join(workspace.path, 'blob');
      await mkdir(folder, { mode: 0o700 });
      const { signal, onProgress } = options;
      const { diffId, digest, size, mediaType, unpackedBytes, entries, notes } = await this.options.agent.unpack(
        { archive: { path: file }, blob, tree: treeIn(folder) },
        { ...(signal && { signal }), ...(onProgress && { onProgress }) },
      );
      await writeLayerRecord(folder, { unpackedBytes, entries, notes, blob: digest }, workspace.path);
      const config = rootConfig(diffId, `terrarium import ${basename(file)}`);
      const checked = checkSource(composeDocuments(config, [{ mediaType, digest, size }]));
      const acquired = [{ blob: { file: blob, digest }, layer: { folder, diffId } }];
      return await this.commit(workspace, name, checked, acquired, options);
    });
  }

  /**
   * Lends a folder on the store's file system for what an operation makes on the way, such as a layer's tar. It is
   * removed afterwards, or by the next start if this one crashes.
   */
  async withScratch<T>(action: (folder: string) => Promise<T>): Promise<T> {
    const workspace = await this.store.locked('exclusive', () => this.store.makeWorkspace());
    try {
      return await action(workspace.path);
    } finally {
      await this.store.release(workspace);
    }
  }

  /**
   * Gives an image another name. Containers that were made from it do not notice.
   * @param keep the old name too
   * @throws TerrariumError NotFound, Invalid, NameTaken
   */
  async rename(name: string, newName: string, keep = false): Promise<ImageSummary> {
    checkImageName(newName);
    return await this.store.locked('exclusive', async () => {
      const { layout } = this.store;
      const index = await layout.readIndex();
      const descriptor = findImage(index, name);
      refuseTaken(index, newName);
      const renamed = { ...descriptor, annotations: { ...descriptor.annotations, [refNameAnnotation]: newName } };
      const others = keep ? index.manifests : index.manifests.filter((other) => other !== descriptor);
      await layout.writeIndex({ ...index, manifests: [...others, renamed] });
      return await summarize(this.store, newName, renamed, await this.options.uses());
    });
  }

  /** See `removeImage`. */
  async remove(name: string, { preview = false }: { preview?: boolean } = {}): Promise<RemovalReport> {
    return await removeImage(this.removal, name, preview);
  }

  /** See `pruneImages`. */
  async prune({ all = false, preview = false }: { all?: boolean; preview?: boolean } = {}): Promise<RemovalReport> {
    await this.collected();
    return await pruneImages(this.removal, { all, preview });
  }

  /** Calls `listener` whenever an image was added or removed, by this process or another. */
  async watch(listener: () => void): Promise<{ dispose(): void }> {
    await this.store.prepared();
    const watcher = watch(this.options.folder, { persistent: false }, (_event, changed) => {
      if (changed === 'index.json') {
        listener();
      }
    });
    return { dispose: () => watcher.close() };
  }

  /** Waits until what earlier crashes left is removed. */
  async collected(): Promise<void> {
    await this.store.collected();
  }

  private async inWorkspace(
    name: string,
    { replace }: AddOptions,
    action: (workspace: Workspace) => Promise<ImageSummary>,
  ): Promise<ImageSummary> {
    const workspace = await this.store.locked('exclusive', async () => {
      if (!replace) {
        refuseTaken(await this.store.layout.readIndex(), name);
      }
      return await this.store.makeWorkspace();
    });
    try {
      return await action(workspace);
    } finally {
      await this.store.release(workspace);
    }
  }

  /** Everything is complete: it only has to be put in its place, the index last. */
  private async commit(
    workspace: Workspace,
    name: string,
    { manifestBytes, configBytes }: CheckedSource,
    acquired: readonly AcquiredLayer[],
    { signal, replace }: AddOptions,
  ): Promise<ImageSummary> {
    const { layout, layers } = this.store;
    return await this.store.locked('exclusive', async () => {
      if (signal?.aborted) {
        throw cancelled();
      }
      const index = await layout.readIndex();
      if (!replace) {
        refuseTaken(index, name);
      }
      const uses = await this.options.uses();
      try {
        for (const { blob, layer } of acquired) {
          if (blob) {
            await layout.addBlob(blob.file, blob.digest);
          }
          if (layer) {
            await layers.place(layer.folder, layer.diffId);
          }
        }
        await layout.addDocument(mediaTypes.config, configBytes);
        const descriptor = await layout.addDocument(mediaTypes.manifest, manifestBytes);
        const named = { ...descriptor, annotations: { [refNameAnnotation]: name } };
        const others = index.manifests.filter((other) => nameOf(other) !== name);
        const next = { ...index, manifests: [...others, named] };
        await layout.writeIndex(next);
        if (others.length < index.manifests.length) {
          await discardUnused(this.store, next, uses, workspace);
        }
        return await summarize(this.store, name, named, uses);
      } catch (error) {
        await discardUnused(this.store, await layout.readIndex(), uses, workspace);
        throw error;
      }
    });
  }
}

/** What an import knows of an image: nothing but its only layer. */
function rootConfig(diffId: string, createdBy: string): ImageConfig {
  const created = new Date().toISOString();
  return {
    created,
    ...thisPlatform(),
    config: {},
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, created_by: createdBy }],
  };
}

/** Of an image's blobs and layers those that are in the store. */
function presentIn({ layers }: CheckedSource, missing: readonly MissingLayer[]) {
  const lacks = (what: 'blob' | 'tree', digest: string) =>
    missing.some((layer) => layer.descriptor.digest === digest && !layer[what]);
  return {
    blobs: layers.filter(({ descriptor }) => !lacks('blob', descriptor.digest)).map((l) => hexOf(l.descriptor.digest)),
    layers: layers.filter(({ descriptor }) => !lacks('tree', descriptor.digest)).map((l) => hexOf(l.diffId)),
  };
}

import { constants, watch } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { flock, type LockMode } from '../../native/bindings/flock.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { ImageProgress, ImageSummary } from '../protocol/images.js';
import { type AcquiredLayer, acquireLayers, type MissingLayer, missingLayers } from './acquire.js';
import { cancelled, explained } from './failure.js';
import type { LayerAgent } from './layerAgent.js';
import { LayerFolders, treeIn, writeLayerRecord } from './layers.js';
import {
  type Descriptor,
  hexOf,
  type ImageConfig,
  type Index,
  Layout,
  type Manifest,
  mediaTypes,
  refNameAnnotation,
} from './layout.js';
import { writeNeeds } from './needs.js';
import { thisPlatform } from './platform.js';
import { checkImageName } from './reference.js';
import { type CheckedSource, checkSource, composeDocuments, type ImageSource } from './source.js';
import { discardUnused, type LayerUse } from './unused.js';
import { Workspace } from './workspace.js';

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
 * The images of a user: an OCI layout that other tools can read, with the layers unpacked beside it.
 *
 * ```
 * oci-layout index.json blobs/sha256/HEX      the layout
 * layers/HEX/{root/,layer.json}               unpacked layers, by diffID
 * ingest/UUID/                                what is not finished, or on its way out; needs.json: what it builds on
 * lock                                        taken by whoever reads (shared) or changes (exclusive) several of these
 * ```
 * Any number of processes may use it at once.
 */
export class ImageStore {
  private readonly layout: Layout;
  private readonly layers: LayerFolders;
  private readonly ingest: string;
  private ready: Promise<void> | undefined;
  private collecting: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: ImageStoreOptions) {
    this.layers = new LayerFolders(join(options.folder, 'layers'));
    this.ingest = join(options.folder, 'ingest');
    this.layout = new Layout(options.folder, this.ingest);
  }

  /** All images, by name. One that is damaged is listed with a note that says so. */
  async list(): Promise<ImageSummary[]> {
    return await this.locked('shared', async () => {
      const { manifests } = await this.layout.readIndex();
      const uses = await this.options.uses();
      const summaries: ImageSummary[] = [];
      for (const descriptor of manifests) {
        const name = nameOf(descriptor);
        if (name !== undefined) {
          summaries.push(await this.summarize(name, descriptor, uses));
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
    return await this.locked('shared', async () => {
      const descriptor = find(await this.layout.readIndex(), name);
      if (!descriptor) {
        throw notFound(name);
      }
      return await action(await this.load(name, descriptor));
    });
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
      const missing = await this.locked('exclusive', async () => {
        const missing = await missingLayers(
          checked,
          ({ descriptor }) => this.layout.hasBlob(descriptor),
          ({ diffId }) => this.layers.has(diffId),
        );
        await writeNeeds(workspace.path, presentIn(checked, missing));
        return missing;
      });
      const { agent } = this.options;
      const { signal, onProgress } = options;
      const acquisition = { source, agent, layout: this.layout, workspace: workspace.path, signal, onProgress };
      const acquired = await acquireLayers(missing, acquisition);
      return await this.commit(workspace, name, checked, acquired, options);
    });
  }

  /**
   * Imports a root file system from a tar, plain or compressed with gzip, xz or zstd. After an error or a cancel the
   * store is as before.
   * @throws TerrariumError Invalid (name), NameTaken, BadInput (archive), Unavailable (no room).
   */
  async import({ file, name }: { file: string; name: string }, options: ImportOptions = {}): Promise<ImageSummary> {
    checkImageName(name);
    return await this.inWorkspace(name, options, async (workspace) => {
      const folder = join(workspace.path, 'layer');
      const blob = join(workspace.path, 'blob');
      await mkdir(folder, { mode: 0o700 });
      const { signal, onProgress } = options;
      const { diffId, digest, size, mediaType, ...about } = await this.options.agent.unpack(
        { archive: { path: file }, blob, tree: treeIn(folder) },
        { ...(signal && { signal }), ...(onProgress && { onProgress }) },
      );
      const { unpackedBytes, entries, notes } = about;
      await writeLayerRecord(folder, { unpackedBytes, entries, notes, blob: digest }, workspace.path);
      const documents = composeDocuments(rootConfig(diffId, `terrarium import ${basename(file)}`), [
        { mediaType, digest, size },
      ]);
      const acquired = [{ blob: { file: blob, digest }, layer: { folder, diffId } }];
      return await this.commit(workspace, name, checkSource(documents), acquired, options);
    });
  }

  /**
   * Lends a folder on the store's file system for what an operation makes on the way, such as a layer's tar. It is
   * removed afterwards, or by the next start if this one crashes.
   */
  async withScratch<T>(action: (folder: string) => Promise<T>): Promise<T> {
    const workspace = await this.locked('exclusive', () => Workspace.create(this.ingest));
    try {
      return await action(workspace.path);
    } finally {
      await this.release(workspace);
    }
  }

  /**
   * Forgets an image and removes what only it needed. Layers that containers use stay until these are gone and
   * another image is removed.
   * @throws TerrariumError NotFound
   */
  async remove(name: string): Promise<void> {
    const workspace = await this.locked('exclusive', async () => {
      const index = await this.layout.readIndex();
      const descriptor = find(index, name);
      if (!descriptor) {
        throw notFound(name);
      }
      const trash = await Workspace.create(this.ingest);
      await this.layout.writeIndex({ ...index, manifests: index.manifests.filter((other) => other !== descriptor) });
      await this.discardUnused(trash);
      return trash;
    });
    await this.release(workspace);
  }

  /** Calls `listener` whenever an image was added or removed, by this process or another. */
  async watch(listener: () => void): Promise<{ dispose(): void }> {
    await this.prepared();
    const watcher = watch(this.options.folder, { persistent: false }, (_event, changed) => {
      if (changed === 'index.json') {
        listener();
      }
    });
    return { dispose: () => watcher.close() };
  }

  /** Waits until what earlier crashes left is removed. */
  async collected(): Promise<void> {
    await this.prepared();
    await this.collecting;
  }

  private async inWorkspace(
    name: string,
    { replace }: AddOptions,
    action: (workspace: Workspace) => Promise<ImageSummary>,
  ): Promise<ImageSummary> {
    const workspace = await this.locked('exclusive', async () => {
      if (!replace) {
        refuseTaken(await this.layout.readIndex(), name);
      }
      return await Workspace.create(this.ingest);
    });
    try {
      return await action(workspace);
    } finally {
      await this.release(workspace);
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
    return await this.locked('exclusive', async () => {
      if (signal?.aborted) {
        throw cancelled();
      }
      const index = await this.layout.readIndex();
      if (!replace) {
        refuseTaken(index, name);
      }
      try {
        for (const { blob, layer } of acquired) {
          if (blob) await this.layout.addBlob(blob.file, blob.digest);
          if (layer) await this.layers.place(layer.folder, layer.diffId);
        }
        await this.layout.addDocument(mediaTypes.config, configBytes);
        const descriptor = await this.layout.addDocument(mediaTypes.manifest, manifestBytes);
        const named = { ...descriptor, annotations: { [refNameAnnotation]: name } };
        const others = index.manifests.filter((other) => nameOf(other) !== name);
        await this.layout.writeIndex({ ...index, manifests: [...others, named] });
        if (others.length < index.manifests.length) {
          await this.discardUnused(workspace);
        }
        return await this.summarize(name, named, await this.options.uses());
      } catch (error) {
        await this.discardUnused(workspace);
        throw error;
      }
    });
  }

  private async load(name: string, descriptor: Descriptor): Promise<Image> {
    const manifest = await this.layout.readManifest(descriptor);
    const config = await this.layout.readConfig(manifest.config);
    return {
      name,
      digest: descriptor.digest,
      layers: await this.stack(config.rootfs.diff_ids),
      config,
      manifest,
      descriptor,
      blobPath: ({ digest }) => this.layout.blobPath(digest),
    };
  }

  /**
   * The trees of layers, top first. An overlay refuses to have one twice: only its topmost place counts, where it
   * hides and brings all that it does below.
   */
  private async stack(diffIds: readonly string[]): Promise<string[]> {
    const trees: string[] = [];
    for (const tree of new Set([...diffIds].reverse().map((diffId) => this.layers.tree(diffId)))) {
      trees.push(tree);
      if ((await this.layers.readRecord(tree)).opaque) {
        break;
      }
    }
    return trees;
  }

  private async summarize(name: string, descriptor: Descriptor, uses: readonly LayerUse[]): Promise<ImageSummary> {
    try {
      const { digest, layers, config } = await this.load(name, descriptor);
      const records = await Promise.all(layers.map((layer) => this.layers.readRecord(layer)));
      const used = uses.filter((use) => use.layers.some((layer) => layers.includes(layer)));
      return {
        name,
        digest,
        createdAt: config.created ?? '',
        sizeBytes: records.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
        usedBy: used.map(({ container }) => container),
        notes: records.flatMap(({ notes }) => notes),
      };
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      return { name, digest: descriptor.digest, createdAt: '', sizeBytes: 0, usedBy: [], notes: [`Damaged: ${cause}`] };
    }
  }

  private async discardUnused(workspace: Workspace): Promise<void> {
    await discardUnused(this.layout, this.layers, this.ingest, await this.options.uses(), workspace.path);
  }

  /** What cannot be removed now is not lost: whoever starts next finds it. */
  private async release(workspace: Workspace): Promise<void> {
    try {
      await workspace.release((path) => this.options.agent.removeTree(path));
    } catch (error) {
      process.stderr.write(`Left ${workspace.path} to the next start: ${String(error)}\n`);
    }
  }

  private async locked<T>(mode: LockMode, action: () => Promise<T>): Promise<T> {
    await this.prepared();
    return await this.withLock(mode, action);
  }

  private async withLock<T>(mode: LockMode, action: () => Promise<T>): Promise<T> {
    const lock = await open(join(this.options.folder, 'lock'), constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      await flock(lock.fd, mode);
      return await action();
    } catch (error) {
      throw explained(error, 'use the image store', this.options.folder);
    } finally {
      await lock.close();
    }
  }

  /** Once per process: makes the folders, and removes what crashes have left. */
  private async prepared(): Promise<void> {
    this.ready ??= this.prepare();
    try {
      await this.ready;
    } catch (error) {
      this.ready = undefined;
      throw explained(error, 'set up the image store', this.options.folder);
    }
  }

  private async prepare(): Promise<void> {
    for (const folder of [this.options.folder, this.layers.folder, this.ingest]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    const { workspaces, files } = await this.withLock('exclusive', async () => {
      const abandoned = await Workspace.abandoned(this.ingest);
      // Loose files are made and renamed under this lock: any that is here now is left over.
      await Promise.all(abandoned.files.map((path) => rm(path, { force: true })));
      await this.layout.prepare();
      return abandoned;
    });
    for (const path of files) {
      process.stderr.write(`Removed the unfinished ${path}\n`);
    }
    // Not waited for: it needs the agent, and may take long.
    this.collecting = Promise.all(workspaces.map((workspace) => this.release(workspace)));
  }
}

function nameOf(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[refNameAnnotation];
}

function find(index: Index, name: string): Descriptor | undefined {
  return index.manifests.find((descriptor) => nameOf(descriptor) === name);
}

function refuseTaken(index: Index, name: string): void {
  if (find(index, name)) {
    throw terrariumError(ErrorCode.NameTaken, `An image named ${JSON.stringify(name)} exists already`, {
      fix: 'Choose another name, or remove that image first.',
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

function notFound(name: string) {
  return terrariumError(ErrorCode.NotFound, `There is no image named ${JSON.stringify(name)}`, {
    fix: 'Import it, or choose another one.',
    command: 'terrarium images',
  });
}

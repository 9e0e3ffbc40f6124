import { constants, watch } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { flock, type LockMode } from '../../native/bindings/flock.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { ImageProgress, ImageSummary } from '../protocol/images.js';
import { cancelled, explained, failedWith } from './failure.js';
import type { LayerAgent } from './layerAgent.js';
import {
  type Descriptor,
  hexOf,
  type ImageConfig,
  type Index,
  Layout,
  mediaTypes,
  refNameAnnotation,
  syncFolder,
  writeAtomically,
} from './layout.js';
import { checkImageName } from './reference.js';
import type { UnpackResult } from './unpack.js';
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
}

export interface ImageStoreOptions {
  /** `$XDG_DATA_HOME/terrarium/images`, absolute. */
  folder: string;
  agent: LayerAgent;
  /** Which layers containers need; asked while the store is locked. */
  uses: () => Promise<readonly LayerUse[]>;
}

export interface ImportOptions {
  signal?: AbortSignal;
  onProgress?: (progress: ImageProgress) => void;
}

const layerRecordSchema = z.object({
  unpackedBytes: z.number(),
  entries: z.number(),
  notes: z.array(z.string()),
});
/** What we know of an unpacked layer, beside its tree. */
type LayerRecord = z.infer<typeof layerRecordSchema>;

/** Of a layer's folder: its tree, which has the mode and owner of the image's `/`, and its record. */
const treeName = 'root';
const recordName = 'layer.json';

/** Go's names, which OCI uses. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/**
 * The images of a user: an OCI layout that other tools can read, with the layers unpacked beside it.
 *
 * ```
 * oci-layout index.json blobs/sha256/HEX      the layout
 * layers/HEX/{root/,layer.json}               unpacked layers, by diffID
 * ingest/UUID/                                what is not finished, or on its way out
 * lock                                        taken by whoever reads (shared) or changes (exclusive) several of these
 * ```
 * Any number of processes may use it at once.
 */
export class ImageStore {
  private readonly layout: Layout;
  private readonly layers: string;
  private readonly ingest: string;
  private ready: Promise<void> | undefined;
  private collecting: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: ImageStoreOptions) {
    this.layers = join(options.folder, 'layers');
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
   * Imports a root file system from a tar, plain or compressed with gzip, xz or zstd. After an error or a cancel the
   * store is as before.
   * @throws TerrariumError Invalid (name), NameTaken, BadInput (archive), Unavailable (no room).
   */
  async import({ file, name }: { file: string; name: string }, options: ImportOptions = {}): Promise<ImageSummary> {
    checkImageName(name);
    const workspace = await this.locked('exclusive', async () => {
      refuseTaken(await this.layout.readIndex(), name);
      return await Workspace.create(this.ingest);
    });
    try {
      return await this.importIn(workspace, file, name, options);
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

  private async importIn(
    workspace: Workspace,
    file: string,
    name: string,
    { signal, onProgress }: ImportOptions,
  ): Promise<ImageSummary> {
    const layer = join(workspace.path, 'layer');
    const blob = join(workspace.path, 'blob');
    await mkdir(layer, { mode: 0o700 });
    const result = await this.options.agent.unpack(
      { archive: file, blob, tree: join(layer, treeName) },
      { ...(signal && { signal }), ...(onProgress && { onProgress }) },
    );
    const { unpackedBytes, entries, notes } = result;
    const record: LayerRecord = { unpackedBytes, entries, notes };
    await writeAtomically(join(layer, recordName), JSON.stringify(record), workspace.path);
    return await this.locked('exclusive', async () => {
      if (signal?.aborted) {
        throw cancelled();
      }
      const index = await this.layout.readIndex();
      refuseTaken(index, name);
      try {
        const descriptor = await this.commit(index, { name, file, blob, layer }, result);
        return await this.summarize(name, descriptor, await this.options.uses());
      } catch (error) {
        await this.discardUnused(workspace);
        throw error;
      }
    });
  }

  /** From here on everything is complete: it only has to be put in its place, the index last. */
  private async commit(
    index: Index,
    { name, file, blob, layer }: { name: string; file: string; blob: string; layer: string },
    { mediaType, digest, size, diffId }: UnpackResult,
  ): Promise<Descriptor> {
    const created = new Date().toISOString();
    await this.layout.addBlob(blob, digest);
    await this.placeLayer(layer, diffId);
    const config: ImageConfig = {
      created,
      architecture: architectures[process.arch] ?? process.arch,
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [diffId] },
      history: [{ created, created_by: `terrarium import ${basename(file)}` }],
    };
    const descriptor = await this.layout.addDocument(mediaTypes.manifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: await this.layout.addDocument(mediaTypes.config, config),
      layers: [{ mediaType, digest, size }],
    });
    const named = { ...descriptor, annotations: { [refNameAnnotation]: name } };
    await this.layout.writeIndex({ ...index, manifests: [...index.manifests, named] });
    return named;
  }

  /** The same layer may be there already, from another image: that one stays, containers may use it. */
  private async placeLayer(layer: string, diffId: string): Promise<void> {
    try {
      await rename(layer, join(this.layers, hexOf(diffId)));
    } catch (error) {
      if (!failedWith(error, 'ENOTEMPTY', 'EEXIST')) {
        throw error;
      }
      return;
    }
    await syncFolder(this.layers);
  }

  private async load(name: string, descriptor: Descriptor): Promise<Image> {
    const manifest = await this.layout.readManifest(descriptor);
    const config = await this.layout.readConfig(manifest.config);
    const layers = config.rootfs.diff_ids.map((diffId) => join(this.layers, hexOf(diffId), treeName)).reverse();
    return { name, digest: descriptor.digest, layers, config };
  }

  private async summarize(name: string, descriptor: Descriptor, uses: readonly LayerUse[]): Promise<ImageSummary> {
    try {
      const { digest, layers, config } = await this.load(name, descriptor);
      const records = await Promise.all(layers.map((layer) => this.readRecord(layer)));
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

  private async readRecord(tree: string): Promise<LayerRecord> {
    return layerRecordSchema.parse(JSON.parse(await readFile(join(tree, '..', recordName), 'utf8')));
  }

  private async discardUnused(workspace: Workspace): Promise<void> {
    const blobs = join(this.options.folder, 'blobs', 'sha256');
    await discardUnused(this.layout, { blobs, layers: this.layers }, await this.options.uses(), workspace.path);
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
    for (const folder of [this.options.folder, this.layers, this.ingest]) {
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

function notFound(name: string) {
  return terrariumError(ErrorCode.NotFound, `There is no image named ${JSON.stringify(name)}`, {
    fix: 'Import it, or choose another one.',
    command: 'terrarium images',
  });
}

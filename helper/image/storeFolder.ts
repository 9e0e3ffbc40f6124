import { constants } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { flock, type LockMode } from '../../native/bindings/flock.js';
import { explained } from './failure.js';
import { LayerFolders } from './layers.js';
import { Layout } from './layout.js';
import { Workspace } from './workspace.js';

/**
 * The folder of a store, its lock, and what is unfinished in it.
 *
 * ```
 * oci-layout index.json blobs/sha256/HEX      the layout
 * layers/HEX/{root/,layer.json}               unpacked layers, by diffID
 * ingest/UUID/                                what is not finished, or on its way out; needs.json: what it builds on
 * lock                                        taken by whoever reads (shared) or changes (exclusive) several of these
 * ```
 */
export class StoreFolder {
  readonly layout: Layout;
  readonly layers: LayerFolders;
  readonly ingest: string;
  private ready: Promise<void> | undefined;
  private collecting: Promise<unknown> = Promise.resolve();

  /** @param removeTree for trees, whose files may belong to other ids */
  constructor(
    readonly path: string,
    private readonly removeTree: (path: string) => Promise<void>,
  ) {
    this.layers = new LayerFolders(join(path, 'layers'));
    this.ingest = join(path, 'ingest');
    this.layout = new Layout(path, this.ingest);
  }

  /** Does something under the lock. @throws what `action` throws; what the system refuses as TerrariumError */
  async locked<T>(mode: LockMode, action: () => Promise<T>): Promise<T> {
    await this.prepared();
    return await this.withLock(mode, action);
  }

  /** Makes a workspace. Under the exclusive lock. */
  async makeWorkspace(): Promise<Workspace> {
    return await Workspace.create(this.ingest);
  }

  /** Removes a workspace. What cannot be removed now is not lost: whoever starts next finds it. */
  async release(workspace: Workspace): Promise<void> {
    try {
      await workspace.release(this.removeTree);
    } catch (error) {
      process.stderr.write(`Left ${workspace.path} to the next start: ${String(error)}\n`);
    }
  }

  /** Once per process: makes the folders, and begins to remove what crashes have left. */
  async prepared(): Promise<void> {
    this.ready ??= this.prepare();
    try {
      await this.ready;
    } catch (error) {
      this.ready = undefined;
      throw explained(error, 'set up the image store', this.path);
    }
  }

  /** Waits until what earlier crashes left is removed. */
  async collected(): Promise<void> {
    await this.prepared();
    await this.collecting;
  }

  private async withLock<T>(mode: LockMode, action: () => Promise<T>): Promise<T> {
    const lock = await open(join(this.path, 'lock'), constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      await flock(lock.fd, mode);
      return await action();
    } catch (error) {
      throw explained(error, 'use the image store', this.path);
    } finally {
      await lock.close();
    }
  }

  private async prepare(): Promise<void> {
    for (const folder of [this.path, this.layers.folder, this.ingest]) {
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

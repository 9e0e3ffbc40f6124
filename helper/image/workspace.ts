import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { tryFlock } from '../../native/bindings/flock.js';
import { failedWith } from './failure.js';

/**
 * A folder for what is not finished. Its owner holds a lock on it for as long as it lives, so that whoever comes
 * later can tell what a crash has left from what somebody is working on.
 *
 * Workspaces are made and searched for only under the store's exclusive lock: in between one has no lock yet.
 */
export class Workspace {
  private constructor(
    readonly path: string,
    private readonly lock: FileHandle,
  ) {}

  static async create(folder: string): Promise<Workspace> {
    const path = join(folder, randomUUID());
    await mkdir(path, { mode: 0o700 });
    const lock = await openFolder(path);
    tryFlock(lock.fd, 'exclusive');
    return new Workspace(path, lock);
  }

  /** The workspaces whose owners are gone, now ours, and paths of loose files. */
  static async abandoned(folder: string): Promise<{ workspaces: Workspace[]; files: string[] }> {
    const workspaces: Workspace[] = [];
    const files: string[] = [];
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) {
        files.push(path);
        continue;
      }
      const workspace = await Workspace.adopt(path);
      if (workspace) {
        workspaces.push(workspace);
      }
    }
    return { workspaces, files };
  }

  private static async adopt(path: string): Promise<Workspace | undefined> {
    let lock: FileHandle;
    try {
      lock = await openFolder(path);
    } catch (error) {
      // Gone in the meantime: its owner has just removed it.
      if (failedWith(error, 'ENOENT')) {
        return undefined;
      }
      throw error;
    }
    if (tryFlock(lock.fd, 'exclusive')) {
      return new Workspace(path, lock);
    }
    await lock.close();
    return undefined;
  }

  /** Gives up the lock, and leaves it to whoever comes next. */
  async leave(): Promise<void> {
    await this.lock.close();
  }

  /** Removes it with all that is in it. @param remove for trees, whose files may belong to other ids. */
  async release(remove: (path: string) => Promise<void>): Promise<void> {
    try {
      await remove(this.path);
    } finally {
      await this.lock.close();
    }
  }
}

async function openFolder(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

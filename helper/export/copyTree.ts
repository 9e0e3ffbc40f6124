import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Pace } from '../changes/pace.js';
import { Restorer } from '../changes/restore.js';
import { readOwnerRights } from '../image/owners.js';
import { MergedTree } from './mergedTree.js';
import type { TreeSource } from './protocol.js';

/**
 * Copies a root file system into a new folder, owners and all: what is in it belongs to ids of the user namespace.
 * @returns bytes of content.
 * @throws SystemError; what was made so far is the caller's to remove
 */
export async function copyTree(source: TreeSource, folder: string, pace: Pace): Promise<{ bytes: number }> {
  const tree = MergedTree.open(source);
  try {
    const parent = await open(dirname(folder), constants.O_RDONLY | constants.O_DIRECTORY);
    const restorer = new Restorer(readOwnerRights(), pace, source.foreignOwners);
    try {
      const to = { folderFd: parent.fd, name: Buffer.from(basename(folder)).toString('latin1') };
      await restorer.copy(tree.root, to, tree.isTrace.bind(tree));
      return { bytes: restorer.bytes };
    } finally {
      restorer.close();
      await parent.close();
    }
  } finally {
    tree.close();
  }
}

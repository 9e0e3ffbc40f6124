import { lstat, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { failedWith } from './failure.js';
import { hexOf, syncFolder, writeAtomically } from './layout.js';

const layerRecordSchema = z.object({
  unpackedBytes: z.number(),
  entries: z.number(),
  notes: z.array(z.string()),
  /** Its root hides all layers below; an overlay does not take that from a mark on the folder itself. */
  opaque: z.boolean().optional(),
  /** Digest of the blob it came from; layers that were unpacked by earlier versions do not say. */
  blob: z.string().optional(),
});
/** What we know of an unpacked layer, beside its tree. */
export type LayerRecord = z.infer<typeof layerRecordSchema>;

/** Of a layer's folder: its tree, which has the mode and owner of the image's `/`, and its record. */
const treeName = 'root';
const recordName = 'layer.json';

/** The tree in a layer's folder. */
export function treeIn(folder: string): string {
  return join(folder, treeName);
}

/** Completes a layer's folder. @param scratch on the same file system */
export async function writeLayerRecord(folder: string, record: LayerRecord, scratch: string): Promise<void> {
  await writeAtomically(join(folder, recordName), JSON.stringify(record), scratch);
}

/** Unpacked layers, each in a folder by its diffID. */
export class LayerFolders {
  constructor(readonly folder: string) {}

  tree(diffId: string): string {
    return treeIn(join(this.folder, hexOf(diffId)));
  }

  async has(diffId: string): Promise<boolean> {
    try {
      return (await lstat(this.tree(diffId))).isDirectory();
    } catch (error) {
      if (failedWith(error, 'ENOENT')) {
        return false;
      }
      throw error;
    }
  }

  /** Puts a finished folder in its place. It may be there already, from another image: that one stays, containers may use it. */
  async place(folder: string, diffId: string): Promise<void> {
    try {
      await rename(folder, join(this.folder, hexOf(diffId)));
    } catch (error) {
      if (!failedWith(error, 'ENOTEMPTY', 'EEXIST')) {
        throw error;
      }
      return;
    }
    await syncFolder(this.folder);
  }

  /** @param tree as `tree` answers it */
  async readRecord(tree: string): Promise<LayerRecord> {
    return layerRecordSchema.parse(JSON.parse(await readFile(join(dirname(tree), recordName), 'utf8')));
  }
}

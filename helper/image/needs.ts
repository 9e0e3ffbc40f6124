import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { failedWith } from './failure.js';
import { writeAtomically } from './layout.js';

const needsSchema = z.object({ blobs: z.array(z.string()), layers: z.array(z.string()) });
/** Blobs and layers of the store (hex digits of digests and diffIDs) that somebody builds on. */
export type Needs = z.infer<typeof needsSchema>;

const fileName = 'needs.json';

/** Writes down what the owner of a workspace found in the store, so that nobody removes it meanwhile. Under the store's exclusive lock. */
export async function writeNeeds(workspace: string, needs: Needs): Promise<void> {
  await writeAtomically(join(workspace, fileName), JSON.stringify(needs), workspace);
}

/** What all workspaces in a folder need; those of the dead too, until they are removed. */
export async function readAllNeeds(ingest: string): Promise<Needs> {
  const all: Needs = { blobs: [], layers: [] };
  for (const name of await readdir(ingest)) {
    try {
      const { blobs, layers } = needsSchema.parse(JSON.parse(await readFile(join(ingest, name, fileName), 'utf8')));
      all.blobs.push(...blobs);
      all.layers.push(...layers);
    } catch (error) {
      if (!failedWith(error, 'ENOENT', 'ENOTDIR')) {
        throw error;
      }
    }
  }
  return all;
}

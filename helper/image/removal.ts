import { rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RemovalReport } from '../protocol/images.js';
import type { Descriptor, Index } from './layout.js';
import { findImage, loadImage, nameOf, usersOf } from './storedImage.js';
import type { StoreFolder } from './storeFolder.js';
import { findUnused, type LayerUse } from './unused.js';
import { Workspace } from './workspace.js';

/** What else a removal asks. */
export interface RemovalTools {
  store: StoreFolder;
  /** Which layers containers need; asked while the store is locked. */
  uses: () => Promise<readonly LayerUse[]>;
  /** Bytes on disk of files and trees, whoever owns what is in them. */
  measure: (paths: readonly string[]) => Promise<number>;
}

/**
 * Forgets an image and removes what only it needed. One that containers were made from stays.
 * @param preview only finds out
 * @throws TerrariumError NotFound
 */
export async function removeImage(tools: RemovalTools, name: string, preview: boolean): Promise<RemovalReport> {
  return await removing(tools, preview, async (index, uses) => {
    const descriptor = findImage(index, name);
    const others = index.manifests.filter((other) => other !== descriptor);
    const users = others.some(({ digest }) => digest === descriptor.digest)
      ? []
      : await usersOfStored(tools.store, descriptor, uses);
    return users.length > 0
      ? { images: [], manifests: index.manifests, kept: [{ name, why: whyKept(users) }] }
      : { images: [name], manifests: others, kept: [] };
  });
}

/**
 * Removes what no image needs and interrupted operations have left.
 * @param all images too, from which no container was made
 */
export async function pruneImages(
  tools: RemovalTools,
  { all, preview }: { all: boolean; preview: boolean },
): Promise<RemovalReport> {
  return await removing(tools, preview, async (index, uses) => {
    const images: string[] = [];
    const kept: RemovalReport['kept'] = [];
    const manifests: Descriptor[] = [];
    for (const descriptor of index.manifests) {
      const name = nameOf(descriptor);
      const users = name === undefined || !all ? [] : await usersOfStored(tools.store, descriptor, uses);
      if (name !== undefined && all && users.length === 0) {
        images.push(name);
        continue;
      }
      manifests.push(descriptor);
      if (name !== undefined && all) {
        kept.push({ name, why: whyKept(users) });
      }
    }
    return { images, manifests, kept };
  });
}

/** Moves what an index does not need to where it is removed. Under the exclusive lock. @returns where it is now */
export async function discardUnused(
  store: StoreFolder,
  index: Index,
  uses: readonly LayerUse[],
  trash: Workspace,
): Promise<string[]> {
  const discarded: string[] = [];
  for (const path of await findUnused(store, index, uses)) {
    const target = join(trash.path, `unused-${discarded.length}-${basename(path)}`);
    await rename(path, target);
    discarded.push(target);
  }
  return discarded;
}

interface Decision {
  images: string[];
  /** What the index keeps. */
  manifests: Descriptor[];
  kept: RemovalReport['kept'];
}

async function removing(
  { store, uses, measure }: RemovalTools,
  preview: boolean,
  decide: (index: Index, uses: readonly LayerUse[]) => Promise<Decision>,
): Promise<RemovalReport> {
  const { report, unused, workspaces } = await store.locked('exclusive', async () => {
    const used = await uses();
    const index = await store.layout.readIndex();
    const { images, manifests, kept } = await decide(index, used);
    const report = { images, kept };
    const next = { ...index, manifests };
    const { workspaces, files } = await Workspace.abandoned(store.ingest);
    const abandoned = workspaces.map(({ path }) => path);
    if (preview) {
      return { report, unused: [...(await findUnused(store, next, used)), ...files, ...abandoned], workspaces };
    }
    await Promise.all(files.map((path) => rm(path, { force: true })));
    if (images.length > 0) {
      await store.layout.writeIndex(next);
    }
    const trash = await store.makeWorkspace();
    const discarded = await discardUnused(store, next, used, trash);
    return { report, unused: [...discarded, ...abandoned], workspaces: [...workspaces, trash] };
  });
  // Not under the lock: a large tree takes its time.
  try {
    return { ...report, freedBytes: await measure(unused) };
  } finally {
    await Promise.all(workspaces.map((workspace) => (preview ? workspace.leave() : store.release(workspace))));
  }
}

/** Containers of an image. One that is damaged is known by its digest alone, and may be removed when nobody has that. */
async function usersOfStored(store: StoreFolder, descriptor: Descriptor, uses: readonly LayerUse[]): Promise<string[]> {
  try {
    return usersOf(await loadImage(store, nameOf(descriptor) ?? '', descriptor), uses);
  } catch (error) {
    process.stderr.write(`Who uses ${descriptor.digest} is told by its digest: ${String(error)}\n`);
    return uses.filter(({ imageDigest }) => imageDigest === descriptor.digest).map(({ container }) => container);
  }
}

function whyKept(users: readonly string[]): string {
  return users.length === 1
    ? `The container ${JSON.stringify(users[0])} was made from it.`
    : `${users.length} containers were made from it: ${users.map((name) => JSON.stringify(name)).join(', ')}.`;
}

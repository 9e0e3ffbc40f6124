import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentRequestOptions } from '../agent/client.js';
import { changeSource } from '../changes/source.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { liveRun } from '../container/stop.js';
import { type Descriptor, hexOf, type ImageConfig } from '../image/layout.js';
import { writeNeeds } from '../image/needs.js';
import { thisPlatform } from '../image/platform.js';
import { composeDocuments, type ImageSource } from '../image/source.js';
import type { Image } from '../image/store.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { CommitParams, ImageProgress } from '../protocol/images.js';
import { baseImage, lowerTree, refuseHostRoot } from './base.js';
import { type CommitFacts, committedConfig, creationTime, type NewLayer } from './commitConfig.js';
import { whileFrozen } from './frozen.js';
import { ExportProgressType, type PackedLayer, PackLayer, type PackLayerParams } from './protocol.js';

export interface ExportOptions {
  signal: AbortSignal;
  onProgress: (progress: ImageProgress) => void;
}

/** An image whose blobs are files that are at hand. */
export interface ImageContent {
  documents: Pick<ImageSource, 'manifest' | 'config'>;
  config: ImageConfig;
  /** Bottom first. */
  layers: Descriptor[];
  file(descriptor: Descriptor): string;
  notes: string[];
}

/**
 * Makes an image of a container: the layers it was made from, and one of what it changed. It is frozen meanwhile.
 * @param scratch a folder for the new layers, which the content refers to: of `ImageStore.withScratch`.
 * @throws Unavailable for a container on this machine's root, WrongState when it cannot be frozen
 */
export async function containerImage(
  machine: Machine,
  { id }: Pick<ContainerRecord, 'id'>,
  params: Pick<CommitParams, 'comment' | 'author' | 'config'>,
  scratch: string,
  options: ExportOptions,
): Promise<ImageContent> {
  return machine.store.locked(id, async (record) => {
    refuseHostRoot(record, 'made an image of');
    refuseLost(machine, record);
    const base = await heldBase(machine, record, scratch);
    const below = base === undefined ? await packLower(machine, record, scratch, options) : undefined;
    const changes = await whileFrozen(machine, record, () => packChanges(machine, record, scratch, options));
    return composed(base, [below, changes], params);
  });
}

/** An image of the store, which has to be held meanwhile. */
export async function storedImage({ manifest, descriptor, config, blobPath }: Image): Promise<ImageContent> {
  const bytes = await readFile(blobPath(descriptor));
  return {
    documents: {
      manifest: { mediaType: descriptor.mediaType, bytes },
      config: await readFile(blobPath(manifest.config)),
    },
    config,
    layers: manifest.layers,
    file: blobPath,
    notes: [],
  };
}

interface Packed extends PackedLayer {
  file: string;
  createdBy: string;
}

function composed(
  base: Image | undefined,
  packed: readonly (Packed | undefined)[],
  params: Omit<CommitFacts, 'created' | 'layers'>,
): ImageContent {
  const added = packed.filter((layer) => layer !== undefined);
  const history: NewLayer[] = added.map(({ diffId, createdBy }) => ({ diffId, createdBy }));
  const config = committedConfig(base?.config ?? { ...thisPlatform(), rootfs: { type: 'layers', diff_ids: [] } }, {
    ...params,
    created: creationTime(process.env, new Date()),
    layers: packed.at(-1) === undefined ? [...history, { createdBy: changesBy }] : history,
  });
  const layers = [
    ...(base?.manifest.layers ?? []),
    ...added.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  ];
  return {
    documents: composeDocuments(config, layers),
    config,
    layers,
    file: (descriptor) =>
      added.find(({ digest }) => digest === descriptor.digest)?.file ?? base?.blobPath(descriptor) ?? '',
    notes: added.flatMap(({ notes }) => notes),
  };
}

/** What wrote to memory and has ended left nothing that an image could be made of. */
function refuseLost(machine: Machine, record: ContainerRecord): void {
  if (record.specification.writable !== 'tmpfs' || liveRun(machine, record) !== undefined) return;
  throw terrariumError(ErrorCode.WrongState, `${record.name} keeps nothing: it wrote to memory, and has ended`, {
    fix: 'Make the image while it runs, or launch it with a writable layer on disk.',
  });
}

/** The image it was made from, which stays for as long as the scratch folder is there. */
async function heldBase(machine: Machine, record: ContainerRecord, scratch: string): Promise<Image | undefined> {
  const base = await baseImage(machine, record);
  if (base !== undefined) await holdImage(machine, base, scratch);
  return base;
}

/** Keeps an image's blobs and layers for as long as the scratch folder is there. @throws NotFound */
export async function holdImage({ images }: Machine, { name, digest }: Image, scratch: string): Promise<void> {
  await images.use(name, async (image) => {
    if (image.digest !== digest) throw terrariumError(ErrorCode.NotFound, `The image ${name} was replaced meanwhile`);
    await writeNeeds(scratch, {
      blobs: [image.descriptor, image.manifest.config, ...image.manifest.layers].map((one) => hexOf(one.digest)),
      layers: image.config.rootfs.diff_ids.map(hexOf),
    });
  });
}

const changesBy = 'terrarium commit';

async function packChanges(
  machine: Machine,
  record: ContainerRecord,
  scratch: string,
  options: ExportOptions,
): Promise<Packed | undefined> {
  const changes = await changeSource(machine, record);
  if (changes === undefined) return undefined;
  const file = join(scratch, 'changes');
  const layer = await pack(machine, { file, changes }, options);
  return layer.entries === 0 ? undefined : { ...layer, file, createdBy: changesBy };
}

async function packLower(
  machine: Machine,
  record: ContainerRecord,
  scratch: string,
  options: ExportOptions,
): Promise<Packed> {
  const file = join(scratch, 'lower');
  const layer = await pack(machine, { file, tree: lowerTree(record) }, options);
  return { ...layer, file, createdBy: 'terrarium commit, of the root below the changes' };
}

function pack({ agent }: Machine, params: PackLayerParams, options: ExportOptions): Promise<PackedLayer> {
  return agent.request(PackLayer, params, agentOptions(options));
}

export function agentOptions({ signal, onProgress }: ExportOptions): AgentRequestOptions<ImageProgress> {
  return { signal, progress: { type: ExportProgressType, listener: onProgress } };
}

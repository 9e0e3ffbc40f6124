import { ResponseError } from 'vscode-jsonrpc';
import { changeSource } from '../changes/source.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import type { Image } from '../image/store.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { TreeSource } from './protocol.js';

/** The image that a container was made from, if it is still there under any name. */
export async function baseImage({ images }: Machine, record: ContainerRecord): Promise<Image | undefined> {
  const { root } = record.specification;
  if (root?.kind !== 'image' || record.imageDigest === undefined) return undefined;
  const names = [
    root.name,
    ...(await images.list()).filter(({ digest }) => digest === record.imageDigest).map(({ name }) => name),
  ];
  for (const name of new Set(names)) {
    const image = await resolved(() => images.resolve(name));
    if (image?.digest === record.imageDigest) return image;
  }
  return undefined;
}

async function resolved(resolve: () => Promise<Image>): Promise<Image | undefined> {
  try {
    return await resolve();
  } catch (error) {
    if (error instanceof ResponseError && error.code === ErrorCode.NotFound) return undefined;
    throw error;
  }
}

/** A container's root as it is seen inside. */
export async function containerTree(machine: Machine, record: ContainerRecord): Promise<TreeSource> {
  const changes = await changeSource(machine, record);
  return { ...lowerTree(record), ...(changes === undefined ? {} : { changes }) };
}

/** What a container was made from, as one tree. */
export function lowerTree(record: Pick<ContainerRecord, 'layers' | 'specification'>): TreeSource {
  return { layers: record.layers, foreignOwners: record.specification.root?.kind !== 'image' };
}

/** Refuses what makes no sense for a container on this machine's own root. @param action as in "cannot be …" */
export function refuseHostRoot(record: ContainerRecord, action: string): void {
  if ((record.specification.root ?? { kind: 'host' }).kind !== 'host') return;
  throw terrariumError(ErrorCode.Unavailable, `${record.name} cannot be ${action}: its root is this machine's own`, {
    cause: 'What lies below its changes is all of this machine, which is no image and would not be one elsewhere.',
    fix: 'Export its changes as a tar, or launch from an image, for instance one built from programs of this machine.',
    command: `terrarium export ${record.name} changes.tar`,
  });
}

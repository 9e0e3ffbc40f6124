import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { planRoot } from '../container/root.js';
import { liveRun } from '../container/stop.js';
import type { ComposedPart, RootPlan } from '../plan/rootSteps.js';
import type { ProcessIdentity } from '../protocol/container.js';
import type { ChangeSource, ComposedPlace } from './protocol.js';

/**
 * Where a container's changes are; undefined when it has none by its nature: it may not write, or what it wrote to memory
 * went with its last run.
 */
export async function changeSource(machine: Machine, record: ContainerRecord): Promise<ChangeSource | undefined> {
  const writable = record.specification.writable ?? 'overlay';
  if (writable === 'none') return undefined;
  const init = liveRun(machine, record)?.runtime.init;
  if (writable === 'tmpfs' && init === undefined) return undefined;
  const { root } = await planRoot(machine, record);
  return sourceOf(root, record, init);
}

/** Pure. @param init the container's, if it runs */
export function sourceOf(
  { content }: Pick<RootPlan, 'content'>,
  record: Pick<ContainerRecord, 'specification' | 'config'>,
  init: ProcessIdentity | undefined,
): ChangeSource {
  const { writable, root = { kind: 'host' } } = record.specification;
  const ownRoot = writable === 'tmpfs' ? init : undefined;
  const layer = content.kind === 'layered' ? (content.layers.writable?.upper ?? '') : content.base;
  return {
    // A tmpfs that lies below an overlay is in no mount namespace any more once the root has been changed.
    ...(ownRoot === undefined
      ? { top: layer, kind: 'layer' }
      : { top: `/proc/${ownRoot.pid}/root`, kind: 'merged', init: ownRoot }),
    lower: content.kind === 'layered' ? [...content.layers.lower] : [],
    ...(content.kind === 'composed' ? { places: placesOf(content.parts) } : {}),
    mountTargets: record.config.mounts.map(({ destination }) => destination),
    // An image's owners are mapped, or were flattened when it was imported.
    foreignOwners: root.kind !== 'image',
  };
}

function placesOf(parts: readonly ComposedPart[]): Record<string, ComposedPlace> {
  return Object.fromEntries(parts.map((part) => [`/${part.name}`, placeOf(part)]));
}

function placeOf(part: ComposedPart): ComposedPlace {
  switch (part.kind) {
    case 'link':
      return { kind: 'link', target: part.target };
    case 'overlay':
      return { kind: 'overlay', lower: [...part.layers.lower] };
    case 'empty':
    case 'bind':
      return { kind: part.kind };
  }
}

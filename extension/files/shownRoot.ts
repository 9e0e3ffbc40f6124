import type { ContainerSummary, FileRoot } from '../../helper/protocol/index.js';
import { sameRoot } from './addresses.js';

/** Which root the view shows, and whether it stays when something else is selected. */
export interface ShownRoot {
  root?: FileRoot;
  pinned: boolean;
}

/** After something was selected in the views of containers and images. */
export function afterSelection(shown: ShownRoot, selected: FileRoot | undefined): ShownRoot {
  return shown.pinned || selected === undefined || (shown.root && sameRoot(shown.root, selected))
    ? shown
    : { root: selected, pinned: false };
}

/** After a root was chosen on purpose: a pin goes over to it. */
export function afterChoice(shown: ShownRoot, root: FileRoot): ShownRoot {
  return { root, pinned: shown.pinned };
}

/** After containers or images came and went: what is gone is not shown, and holds no pin. */
export function afterChange(
  shown: ShownRoot,
  containers: readonly Pick<ContainerSummary, 'id'>[],
  images: readonly { name: string }[] | undefined,
): ShownRoot {
  const { root } = shown;
  if (!root) {
    return shown;
  }
  const there =
    root.kind === 'image'
      ? images === undefined || images.some(({ name }) => name === root.name)
      : containers.some(({ id }) => id === root.container);
  return there ? shown : { pinned: false };
}

/** The root that a node of the containers' or images' tree stands for: each of them has one or the other. */
export function rootOfNode(node: unknown): FileRoot | undefined {
  if (typeof node !== 'object' || node === null) {
    return undefined;
  }
  const { container, image } = node as Record<string, unknown>;
  if (typeof container === 'string' && container !== '') {
    return { kind: 'container', container };
  }
  const name = typeof image === 'object' && image !== null ? (image as Record<string, unknown>).name : image;
  return typeof name === 'string' ? { kind: 'image', name } : undefined;
}

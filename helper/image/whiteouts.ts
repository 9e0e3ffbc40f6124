import type { ByteString } from './entryPath.js';
import { badInput, shown } from './failure.js';

/** What an entry of a layer says about what lies below: image-spec layer.md, "Whiteouts". */
export type Whiteout =
  | { kind: 'hidden'; name: ByteString }
  /** Nothing below shows through the folder it is in. */
  | { kind: 'opaque' }
  /** Book-keeping of aufs, which says nothing about the image. */
  | { kind: 'foreign' };

/** Of entries that hide a name below: what follows is the name. */
export const whiteoutPrefix = '.wh.';
const opaqueName = '.wh..wh..opq';
const foreignPrefix = '.wh..wh.';

/** What overlays mounted with userxattr take for the mark of an opaque folder; its value is `y`. */
export const opaqueXattr = 'user.overlay.opaque';

/**
 * Tells a whiteout by its name.
 * @param path as the archive has it, for the message
 * @returns undefined for a usual entry
 * @throws TerrariumError BadInput for names that would hide the folder they are in, or one above it.
 */
export function whiteoutOf(components: readonly ByteString[], path: Buffer): Whiteout | undefined {
  const name = components.at(-1);
  if (components.some((component) => component.startsWith(foreignPrefix) && component !== opaqueName)) {
    return { kind: 'foreign' };
  }
  if (components.slice(0, -1).some((component) => component.startsWith(whiteoutPrefix))) {
    throw badInput(`The archive was refused: ${shown(path)} lies in a whiteout`);
  }
  if (name === undefined || !name.startsWith(whiteoutPrefix)) {
    return undefined;
  }
  if (name === opaqueName) {
    return { kind: 'opaque' };
  }
  const hidden = name.slice(whiteoutPrefix.length);
  if (hidden === '' || hidden === '.' || hidden === '..') {
    throw badInput(`The archive was refused: the whiteout ${shown(path)} hides no name`);
  }
  return { kind: 'hidden', name: hidden };
}

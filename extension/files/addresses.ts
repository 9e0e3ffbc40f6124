import type { FileReference, FileRoot } from '../../helper/protocol/index.js';

/** Scheme of files in roots: `terrarium://container/web/etc/hosts`. */
export const fileScheme = 'terrarium';

/** The parts of a URI that say which file it is. `path` is decoded. */
export interface Address {
  authority: string;
  path: string;
}

/**
 * Where a file is: the authority is the kind of root, the first segment of the path its name, the rest the path in it.
 * A container stands there by the name or id that `root` has. Names of images may have slashes, which become `~`: no
 * image name has one.
 */
export function addressOf({ root, path }: FileReference): Address {
  const name = root.kind === 'image' ? root.name.replaceAll('/', '~') : root.container;
  return { authority: root.kind, path: `/${name}${path === '/' ? '' : path}` };
}

/** The file that an address means, or nothing when it is none of ours. */
export function referenceOf({ authority, path }: Address): FileReference | undefined {
  const end = path.indexOf('/', 1);
  const name = path.slice(1, end === -1 ? undefined : end);
  if (!path.startsWith('/') || name === '') {
    return undefined;
  }
  const inside = end === -1 ? '/' : path.slice(end);
  switch (authority) {
    case 'container':
    case 'base':
      return { root: { kind: authority, container: name }, path: inside };
    case 'image':
      return { root: { kind: 'image', name: name.replaceAll('~', '/') }, path: inside };
    default:
      return undefined;
  }
}

/** One word for a root, the same for the same root: for maps and ids. */
export function rootKey(root: FileRoot): string {
  return `${root.kind} ${root.kind === 'image' ? root.name : root.container}`;
}

export function sameRoot(a: FileRoot, b: FileRoot): boolean {
  return rootKey(a) === rootKey(b);
}

/** Path of `name` in `folder`; both are as the root has them. */
export function inFolder(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`;
}

/** What to list for the content of a folder that may be a link to one: a link in the last component is not followed. */
export function contentOf({ root, path }: FileReference): FileReference {
  return { root, path: inFolder(path, '.') };
}

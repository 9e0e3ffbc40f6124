/** Folders of which every usual root file system has at least one. */
const rootFolders = ['bin', 'usr', 'etc', 'sbin', 'lib', 'dev', 'proc'];

/**
 * Archives of images hold layers, which hold the files: told by their first path components, so that nobody ends up
 * with a container whose root is a manifest.
 * @returns what it is, or undefined when it may be a root file system.
 */
export function imageArchiveKind(topLevel: ReadonlySet<string>): string | undefined {
  if (rootFolders.some((folder) => topLevel.has(folder))) {
    return undefined;
  }
  if (topLevel.has('oci-layout') && topLevel.has('index.json')) {
    return 'an OCI image archive';
  }
  return topLevel.has('manifest.json') ? 'an image as `docker save` writes it' : undefined;
}

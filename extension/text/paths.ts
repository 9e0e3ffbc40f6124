/** Whether an absolute, resolved path is `folder` or below it. */
export function isInside(path: string, folder: string): boolean {
  const base = folder.endsWith('/') ? folder : `${folder}/`;
  return path === folder || `${path}/` === base || path.startsWith(base);
}

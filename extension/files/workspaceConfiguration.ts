/**
 * Whether a path is configuration of a workspace folder. With a folder of a container in the workspace the editor
 * would take its settings and tasks from there: from whoever can write in the container. They do not exist to it.
 * @param folders paths of workspace folders of the same kind of root
 */
export function isWorkspaceConfiguration(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const configuration = `${folder.replace(/\/+$/, '')}/.vscode`;
    return path === configuration || path.startsWith(`${configuration}/`);
  });
}

import { type Dirent, promises as fs } from 'node:fs';
import * as path from 'node:path';

/** The folder and all below, innermost first. */
export async function treeOf(folder: string): Promise<string[]> {
  return [...(await Promise.all((await foldersIn(folder)).map(treeOf))).flat(), folder];
}

/** The folders in one; none when it is gone. */
export async function foldersIn(folder: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await fs.readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries.filter((entry) => entry.isDirectory()).map((entry) => path.join(folder, entry.name));
}

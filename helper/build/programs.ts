import { promises as fs } from 'node:fs';
import * as path from 'node:path';
import { badInput } from '../image/failure.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { Program } from '../protocol/images.js';
import type { HostFiles } from './hostFiles.js';

/** Where a distribution has its programs, whether or not they are on somebody's PATH. */
const systemFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Folders to look for programs in, best first: those of PATH, then the system's. */
export function programFolders(searchPath: string | undefined): string[] {
  const own = (searchPath ?? '').split(':').filter((folder) => folder.startsWith('/'));
  return [...new Set([...own, ...systemFolders])];
}

/** Every program along the folders, the first of each name, sorted by name. */
export async function listPrograms(folders: readonly string[]): Promise<Program[]> {
  const found = new Map<string, Program>();
  for (const folder of folders) {
    const names = await fs.readdir(folder).catch(() => []);
    const isProgram = await Promise.all(names.map((name) => isExecutable(path.join(folder, name))));
    for (const [index, name] of names.entries()) {
      if (isProgram[index] === true && !found.has(name)) found.set(name, { name, path: path.join(folder, name) });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A link that leads nowhere, or a folder that may not be passed, is no program. */
async function isExecutable(file: string): Promise<boolean> {
  return fs.stat(file).then(
    (stats) => stats.isFile() && (stats.mode & 0o111) !== 0,
    () => false,
  );
}

/**
 * The absolute path of a program that is named as in a shell.
 * @throws TerrariumError NotFound, or BadInput for what is there but no program.
 */
export async function findProgram(files: HostFiles, name: string, folders: readonly string[]): Promise<string> {
  if (name.includes('/')) {
    if (!name.startsWith('/')) {
      throw terrariumError(ErrorCode.Invalid, `${name} is no name of a program and no absolute path`, {
        fix: 'Use a name along PATH, or a path that begins with a slash.',
      });
    }
    if (/^\/(?:proc|sys|dev)\//.test(name)) throw badInput(`${name} is no program of this machine`, { path: name });
    const resolved = await files.resolve(name);
    if (resolved === undefined) throw notFound(name, 'There is no such file.');
    if (resolved.node.kind !== 'file' || (resolved.node.mode & 0o111) === 0) {
      throw badInput(`${name} is no program`, {
        path: name,
        cause: resolved.node.kind === 'file' ? 'Nobody may execute it.' : 'It is no regular file.',
      });
    }
    return name;
  }
  for (const folder of folders) {
    const file = path.join(folder, name);
    const node = (await files.resolve(file))?.node;
    if (node?.kind === 'file' && (node.mode & 0o111) !== 0) return file;
  }
  throw notFound(name, `It is in none of ${folders.join(', ')}.`);
}

function notFound(name: string, cause: string) {
  return terrariumError(ErrorCode.NotFound, `There is no program ${JSON.stringify(name)} on this machine`, {
    cause,
    fix: 'Check the name, install it, or give its path.',
  });
}

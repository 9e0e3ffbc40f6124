/** Which shell to run in a container: the best of those that are there. */
import { ErrorCode, terrariumError } from '../protocol/index.js';
import type { RootReader } from './root.js';

const folders = ['/bin', '/usr/bin', '/usr/local/bin'];
/** The one to like best first. */
const names = ['bash', 'zsh', 'ash', 'dash', 'sh'];
/** Shells of users who are not to log in. */
const refusals = new Set(['nologin', 'false', 'true', 'sync', 'halt', 'shutdown']);

/**
 * The command that starts a shell in this root.
 * @param passwdShell of the user in /etc/passwd: taken when it is there and not one that only refuses.
 * @throws a terrariumError (NotFound) when there is no shell at all.
 */
export async function findShell(root: RootReader, passwdShell?: string): Promise<string[]> {
  const own = passwdShell?.startsWith('/') && !refusals.has(passwdShell.split('/').at(-1) ?? '') ? [passwdShell] : [];
  for (const path of [...own, ...names.flatMap((name) => folders.map((folder) => `${folder}/${name}`))]) {
    if (await isExecutable(root, path)) {
      return [path];
    }
  }
  for (const folder of folders) {
    if (await isExecutable(root, `${folder}/busybox`)) {
      return [`${folder}/busybox`, 'sh'];
    }
  }
  throw terrariumError(ErrorCode.NotFound, 'There is no shell in this root', {
    cause: `None of ${names.join(', ')} and busybox is in ${folders.join(', ')}.`,
    fix: 'Name a program that is there, or bring tools along: `terrarium enter --tools host`, Enter with Options….',
  });
}

async function isExecutable(root: RootReader, path: string): Promise<boolean> {
  const stats = await root.stat(path);
  return stats?.isFile() === true && (stats.mode & 0o111) !== 0;
}

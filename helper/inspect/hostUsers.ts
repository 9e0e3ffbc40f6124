/** Names of this machine's own users. */
import { readFileSync } from 'node:fs';
import { usersOf } from './user.js';

/** A function that names user ids after /etc/passwd; an id without an entry (directories are not asked) names itself. */
export function userNames(file = '/etc/passwd'): (uid: number) => string {
  let passwd = '';
  try {
    passwd = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const names = new Map(usersOf({ passwd, group: '' }).map(({ name, uid }) => [uid, name]));
  return (uid) => names.get(uid) ?? String(uid);
}

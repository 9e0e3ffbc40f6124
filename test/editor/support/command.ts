import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import * as path from 'node:path';

/**
 * Runs the `terrarium` command of the installed extension, as the person whose server it is; gives what it prints.
 * @param home  of that person
 */
export function terrariumIn(home: string, args: readonly string[]): string {
  const extensions = path.join(home, 'extensions');
  const name = readdirSync(extensions).find((entry) => entry.startsWith('terrarium.terrarium-')) ?? '';
  const [uid, gid] = (process.env.TERRARIUM_EDITOR_USER ?? '').split(':').map(Number);
  return execFileSync(process.execPath, [path.join(extensions, name, 'dist/cli.cjs'), ...args], {
    encoding: 'utf8',
    cwd: '/',
    env: {
      PATH: process.env.PATH,
      HOME: home,
      XDG_DATA_HOME: path.join(home, '.local/share'),
      XDG_RUNTIME_DIR: path.join(home, 'run'),
    },
    ...(uid === undefined || gid === undefined || Number.isNaN(uid) ? {} : { uid, gid }),
  });
}

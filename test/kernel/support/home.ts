import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { findListener } from '../../../helper/zygote/connection.js';

/** Folders that belong to one test file, so that it has a zygote, containers and images of its own. */
export interface Home {
  folder: string;
  /** `$XDG_DATA_HOME/terrarium` */
  data: string;
  /** `$XDG_RUNTIME_DIR/terrarium` */
  runtime: string;
  environment: NodeJS.ProcessEnv;
}

/** dist/: tests are bundled into folders below it, of different depth. */
export const dist = findDist();

function findDist(): string {
  for (let folder = __dirname; folder !== '/'; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'helper.cjs'))) return folder;
  }
  throw new Error(`There is no helper.cjs above ${__dirname}: run node scripts/build.mjs --tests`);
}

/** What the runner says the user is: with a range of ids, with a single one, or root (with the range root was granted, or none). */
export function makeHome(): Home {
  const folder = mkdtempSync(path.join(tmpdir(), 't-'));
  const [run, share] = [path.join(folder, 'r'), path.join(folder, 'd')];
  for (const made of [run, share]) mkdirSync(made, { mode: 0o700 });
  return {
    folder,
    data: path.join(share, 'terrarium'),
    runtime: path.join(run, 'terrarium'),
    environment: { ...process.env, XDG_RUNTIME_DIR: run, XDG_DATA_HOME: share },
  };
}

/** The user's own runtime folder, where systemd is asked for a delegated unit as on a desktop, and data of the test's own. */
export function usersHome(): Home {
  const folder = mkdtempSync(path.join(tmpdir(), 't-'));
  return {
    folder,
    data: path.join(folder, 'terrarium'),
    runtime: path.join(process.env.XDG_RUNTIME_DIR ?? folder, 'terrarium'),
    environment: { ...process.env, XDG_DATA_HOME: folder },
  };
}

/** Pids of the zygotes that listen in this home. */
export async function zygotes(home: Home): Promise<number[]> {
  const names = existsSync(home.runtime) ? readdirSync(home.runtime) : [];
  const found = await Promise.all(
    names.filter((name) => name.startsWith('zygote-')).map((name) => findListener(path.join(home.runtime, name))),
  );
  return found.filter((pid) => pid !== undefined);
}

/** Ends zygotes of the home's own and removes the folders; what is left in them of subordinate ids is removed as root of the range. */
export async function removeHome(home: Home): Promise<void> {
  if (home.runtime.startsWith(home.folder)) {
    for (const pid of await zygotes(home)) process.kill(pid, 'SIGTERM');
  }
  spawnSync('unshare', ['--user', '--map-root-user', '--map-auto', 'rm', '-rf', home.data]);
  rmSync(home.folder, { recursive: true, force: true });
}

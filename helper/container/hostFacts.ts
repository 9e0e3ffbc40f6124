import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import * as path from 'node:path';
import { readMounts } from '../inspect/mountinfo.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import { type HostChoices, type HostFacts, isWithin } from './hostView.js';
import type { Locations } from './locations.js';
import { realPath } from './mountSources.js';

/** Ids of people, as login.defs(5) has them; those above are nobody's. */
const firstPerson = 1000;
const lastPerson = 65533;

/**
 * What decides how a container on this machine's root sees it, as it is now.
 * @param withHomes also finds the homes of others, which only counts where something private is shown.
 */
export function readHostFacts({ data, runtime }: Pick<Locations, 'data' | 'runtime'>, withHomes: boolean): HostFacts {
  const home = realPath(homedir());
  const isOwn = lstatSync(home, { throwIfNoEntry: false })?.uid === process.getuid?.();
  return {
    data: realPath(data),
    runtime: realPath(runtime),
    home: { path: home, isOwn },
    otherHomes: withHomes ? readOtherHomes(home) : [],
    mountPoints: (readMounts(process.pid) ?? []).map((mount) => mount.destination),
  };
}

/** Follows links, once, when a container is made. @throws TerrariumError NotFound for what is to be shown. */
export function resolveChoices({ hide = [], show = [] }: HostChoices): { hide: string[]; show: string[] } {
  return {
    hide: hide.map((file) => realPath(path.normalize(file).replace(/(?<=.)\/+$/, ''))),
    show: show.map((file) => {
      const real = realPath(path.normalize(file).replace(/(?<=.)\/+$/, ''));
      refuseUnlessThere(real, file);
      return real;
    }),
  };
}

/**
 * Checks what is to be shown at each start: what was judged is what is mounted, also when another container can write
 * there. @throws TerrariumError NotFound for what is gone, WrongState for what has become a link or lies behind one.
 */
export function checkShown(show: readonly string[]): void {
  for (const file of show) {
    refuseUnlessThere(file, file);
    if (realPath(file) === file) continue;
    throw terrariumError(ErrorCode.WrongState, `${file} leads elsewhere since the container was made`, {
      path: file,
      cause: 'It is a link now, or lies behind one: what was agreed to is not what would be shown.',
      fix: 'Make a new container that shows what you mean.',
    });
  }
}

function refuseUnlessThere(file: string, named: string): void {
  if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) return;
  throw terrariumError(ErrorCode.NotFound, `${named} cannot be shown in a container`, {
    path: named,
    cause: 'There is no such folder or file.',
    fix: 'Check the path.',
  });
}

/** Homes of people in /etc/passwd, and folders of others where homes are: not every account is in that file. */
function readOtherHomes(home: string): string[] {
  const listed = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, , uid = '', , , folder = ''] = line.split(':');
      const isPerson = Number(uid) >= firstPerson && Number(uid) <= lastPerson;
      return isPerson && folder.startsWith('/') && folder !== '/' ? [realPath(folder)] : [];
    });
  const own = process.getuid?.();
  const found = ['/home', '/var/home'].flatMap((parent) =>
    readNames(parent)
      .map((name) => path.join(parent, name))
      .filter((folder) => lstatSync(folder, { throwIfNoEntry: false })?.uid !== own),
  );
  const root = home === '/root' ? [] : ['/root'];
  return [...new Set([...listed, ...found, ...root])].filter((folder) => !isWithin(home, folder));
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') return [];
    throw error;
  }
}

import { lstatSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import type { HostFolder } from '../protocol/images.js';
import { readHostFacts } from './hostFacts.js';
import { readHostRoot } from './hostRoot.js';
import { defaultRules, hostView, type ViewRule } from './hostView.js';
import type { Locations } from './locations.js';

/** What a container on this machine's root sees of it by default, and what of it a person may choose. */
export function listHostFolders(locations: Locations): HostFolder[] {
  const facts = readHostFacts(locations, true);
  const rules = defaultRules(facts);
  const ruled = rules.filter(({ path: folder }) => isFolder(folder)).map(folderOf);
  const known = new Set(rules.map((rule) => rule.path));
  const seen = readHostRoot(hostView(facts), facts.mountPoints).flatMap((part): HostFolder[] => {
    const folder = `/${part.name}`;
    if (part.kind === 'link' || known.has(folder) || !isFolder(folder)) return [];
    return [{ path: folder, view: 'layered', why: seenAs[part.kind] }];
  });
  // What people want to show is mostly in their home: not the whole of it.
  const { home } = facts;
  const inHome =
    home.isOwn && home.path !== '/'
      ? folderNames(home.path)
          .filter((name) => !name.startsWith('.'))
          .map((name) => path.join(home.path, name))
          .filter((folder) => !known.has(folder))
          .map((folder): HostFolder => ({ path: folder, view: 'hidden', why: 'It is in your home.' }))
      : [];
  return [...ruled, ...seen, ...inHome].sort((a, b) => (a.path < b.path ? -1 : 1));
}

const seenAs = {
  overlay: 'Part of the system: read, and changed only in a layer of the container’s own.',
  bind: 'Part of the system, with something mounted in it: read-only.',
  empty: 'It is empty, or has something in it that is hidden.',
};

function folderOf({ path: folder, own, locked, why }: ViewRule): HostFolder {
  return {
    path: folder,
    view: own === true ? 'own' : 'hidden',
    why,
    ...(locked === true && own !== true ? { locked } : {}),
  };
}

function isFolder(file: string): boolean {
  try {
    return lstatSync(file).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') return false;
    throw error;
  }
}

/** Folders in a folder; none where this user may not look. */
function folderNames(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') return [];
    throw error;
  }
}

import * as path from 'node:path';
import type { HostFiles } from './hostFiles.js';

/** A folder without which an interpreter does not even start, and what of it is not needed to run programs. */
export interface LibraryFolder {
  folder: string;
  why: string;
  skip(name: string): boolean;
}

const keepAll = () => false;
/** Compiled files are made anew; tests and build settings are for developing; packages are not the standard library. */
const pythonExtras = /^(?:__pycache__|test|tests|idlelib|site-packages|dist-packages|config-.*)$/;

/**
 * The standard libraries of Python and Perl. How an interpreter finds its library is its own business: these two are
 * known, others are copied without.
 * @param program path of the interpreter, free of links.
 */
export async function libraryFolders(files: HostFiles, program: string): Promise<LibraryFolder[]> {
  const name = path.basename(program);
  const prefix = path.dirname(path.dirname(program));
  const python = /^python(3\.\d+)$/.exec(name)?.[1];
  if (python !== undefined) {
    return present(
      files,
      ['lib', 'lib64'].map((lib) => ({
        folder: path.join(prefix, lib, `python${python}`),
        why: `the standard library of ${name}`,
        skip: (entry: string) => pythonExtras.test(entry),
      })),
    );
  }
  if (/^perl(?:5[\d.]*)?$/.test(name)) {
    const folders = [...(await perlFolders(files, prefix))];
    return present(
      files,
      folders.map((folder) => ({ folder, why: `the core modules of ${name}`, skip: keepAll })),
    );
  }
  return [];
}

/** Debian's places, by architecture and version; else the ones that Fedora and others share with added modules. */
async function perlFolders(files: HostFiles, prefix: string): Promise<string[]> {
  const folders: string[] = [];
  const versions = async (parent: string) =>
    (await files.list(parent)).filter((entry) => /^5\.[\d.]+$/.test(entry)).map((entry) => path.join(parent, entry));
  for (const entry of await files.list(path.join(prefix, 'lib'))) {
    if (!entry.endsWith('-linux-gnu')) continue;
    folders.push(path.join(prefix, 'lib', entry, 'perl-base'));
    folders.push(...(await versions(path.join(prefix, 'lib', entry, 'perl'))));
  }
  folders.push(...(await versions(path.join(prefix, 'share/perl'))));
  return folders.length > 0
    ? folders
    : ['lib64/perl5', 'lib/perl5', 'share/perl5'].map((one) => path.join(prefix, one));
}

async function present(files: HostFiles, folders: readonly LibraryFolder[]): Promise<LibraryFolder[]> {
  const found: LibraryFolder[] = [];
  for (const folder of folders) {
    const resolved = await files.resolve(folder.folder);
    if (resolved?.node.kind === 'folder') found.push(folder);
  }
  return found;
}

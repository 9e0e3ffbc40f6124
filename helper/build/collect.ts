import * as path from 'node:path';
import { badInput } from '../image/failure.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { BuildExtra } from '../protocol/images.js';
import { type Elf, isElf, type Machine } from './elf.js';
import { type ExtraChoices, extraContent } from './extras.js';
import { FileList, type ListedFile } from './fileList.js';
import type { HostFiles } from './hostFiles.js';
import { type LibraryFolder, libraryFolders } from './interpreters.js';
import { isMuslLoader, Loader, type LoadResult, muslPathFile } from './loader.js';
import { type CachedLibrary, writeLoaderCache } from './loaderCache.js';
import { findProgram } from './programs.js';
import { longestFirstLine, parseScript } from './script.js';

/** What an image is made of. */
export interface Collection {
  files: ListedFile[];
  /** Absolute paths of those that were asked for. */
  programs: string[];
  /** What a container of it runs by default: a shell, if there is one among the programs. */
  command: string;
  machine: Machine;
  /** What was left out, in sentences. */
  notes: string[];
}

/** The kernel follows that many interpreters of interpreters (BINPRM_MAX_RECURSION and one). */
const deepestScript = 5;

/** Folders that every root has. */
const skeleton: readonly [path: string, mode: number][] = [
  ['/dev', 0o755],
  ['/etc', 0o755],
  ['/proc', 0o555],
  ['/root', 0o700],
  ['/run', 0o755],
  ['/sys', 0o555],
  ['/tmp', 0o1777],
  ['/usr', 0o755],
  ['/var', 0o755],
  ['/var/tmp', 0o1777],
];
/** Links on a machine with a merged /usr. */
const topLinks = ['/bin', '/sbin', '/lib', '/lib64'];

const shells = ['bash', 'zsh', 'fish', 'ksh', 'dash', 'ash', 'sh'];

/**
 * Finds what programs of this machine need to run in a root of their own. Nothing is executed: ELF files, scripts and
 * the loader's cache are read as the kernel and the loader read them.
 * @param folders where programs are looked for by name.
 * @throws TerrariumError NotFound and BadInput for programs that cannot be had, or would not start.
 */
export async function collect(
  files: HostFiles,
  {
    programs,
    extras,
    folders,
    language,
  }: { programs: readonly string[]; extras: readonly BuildExtra[]; folders: readonly string[]; language: string },
): Promise<Collection> {
  return new Collector(files, folders).collect(programs, extras, language);
}

class Collector {
  private readonly list: FileList;
  private readonly loader: Loader;
  private readonly notes: string[] = [];
  private readonly cached = new Map<string, CachedLibrary>();
  /** Programs that need a loader, by path. */
  private readonly dynamic = new Map<string, Elf>();
  /** Programs by the paths they were asked for by. */
  private readonly finished = new Set<string>();
  private machine: Machine | undefined;

  constructor(
    private readonly files: HostFiles,
    private readonly folders: readonly string[],
  ) {
    this.list = new FileList(files);
    this.loader = new Loader(files);
  }

  async collect(programs: readonly string[], extras: readonly BuildExtra[], language: string): Promise<Collection> {
    const paths: string[] = [];
    for (const program of programs) paths.push(await findProgram(this.files, program, this.folders));
    const [first] = paths;
    if (first === undefined) {
      throw terrariumError(ErrorCode.Invalid, 'No program was named', { fix: 'Name at least one, such as bash.' });
    }
    for (const link of topLinks) {
      if ((await this.files.look(link))?.kind === 'link')
        await this.list.add(link, 'programs and libraries are found by it');
    }
    for (const [index, file] of paths.entries()) await this.addProgram(file, `the program ${programs[index]}`, 0);
    const shell = paths.find((file) => shells.includes(path.basename(file)));
    for (const extra of extras) await this.addExtra(extra, { shell: shell ?? '/bin/sh', language });
    await this.addLoaderCache();
    for (const [folder, mode] of skeleton) this.list.makeFolder(folder, mode, 'every root has it');
    return {
      files: this.list.entries(),
      programs: paths,
      command: shell ?? first,
      machine: this.machine ?? (process.arch === 'arm64' ? 'aarch64' : 'x86-64'),
      notes: this.notes,
    };
  }

  private async addProgram(file: string, why: string, depth: number): Promise<void> {
    if (this.finished.has(file)) return;
    const resolved = await this.list.add(file, why);
    if (resolved?.node.kind !== 'file') {
      throw terrariumError(ErrorCode.NotFound, `There is no program ${file} on this machine`, {
        path: file,
        cause: why,
      });
    }
    const head = await this.files.reading(resolved.path, (read) => read(0, longestFirstLine));
    if (isElf(head)) {
      await this.addElfProgram(file, resolved.path);
      for (const folder of await libraryFolders(this.files, resolved.path)) await this.addLibraryFolder(folder);
      this.finished.add(file);
      return;
    }
    const script = parseScript(head);
    if (script === undefined || depth === deepestScript) {
      throw badInput(`${file} cannot be executed`, {
        path: file,
        cause:
          script === undefined
            ? 'It is neither an ELF file nor a script that begins with #!.'
            : 'Its interpreter is a script, whose interpreter is one, and so on.',
        fix: 'Choose another program.',
      });
    }
    const name = path.basename(file);
    const { interpreter, program } = script;
    await this.addProgram(interpreter, `${name} is a script for it (#!${interpreter})`, depth + 1);
    if (program !== undefined) {
      const found = await findProgram(this.files, program, this.folders);
      await this.addProgram(found, `${name} is a script for it (#!${interpreter} ${program})`, depth + 1);
    }
    this.finished.add(file);
  }

  private async addElfProgram(file: string, real: string): Promise<void> {
    const elf = await this.loader.elfAt(real);
    if (elf === undefined) throw badInput(`${file} is no ELF file any more`, { path: file });
    if (elf.machine === 'other') {
      throw badInput(`${file} is a program for ${elf.what}`, {
        path: file,
        cause: 'Only programs for x86-64 and 64-bit ARM are supported.',
        fix: 'Choose a 64-bit program.',
      });
    }
    if (this.machine !== undefined && elf.machine !== this.machine) {
      throw badInput(`${file} is a program for ${elf.machine}, and others are for ${this.machine}`, {
        path: file,
        fix: 'Choose programs for one kind of machine.',
      });
    }
    this.machine = elf.machine;
    const name = path.basename(file);
    const { interpreter } = elf;
    if (interpreter !== undefined) {
      this.dynamic.set(real, elf);
      const loader = await this.list.add(interpreter, `the loader of ${name} (PT_INTERP)`);
      if (loader?.node.kind !== 'file') {
        throw badInput(`${file} cannot start: its loader ${interpreter} is missing`, { path: file });
      }
      if (isMuslLoader(interpreter))
        await this.list.add(muslPathFile(elf.machine), 'tells the loader where libraries are');
    }
    const result = await this.loader.load({ path: real, elf });
    const [missing] = result.missing;
    if (missing !== undefined) {
      throw badInput(`${file} cannot start: the library ${missing.name} is missing`, {
        path: file,
        cause: `${missing.neededBy.path} needs it, and it is in none of the folders that the loader looks in.`,
        fix: 'Install the package that has it.',
      });
    }
    await this.addLibraries(name, result);
    if (result.libraries.some((library) => library.name === 'libc.so.6')) {
      await this.addByName('libgcc_s.so.1', { path: real, elf }, 'the C library opens it when a thread is cancelled');
    }
  }

  private async addLibraries(name: string, { libraries, cached }: LoadResult): Promise<void> {
    for (const library of libraries) {
      const by = library.loader === undefined ? name : path.basename(library.loader.path);
      await this.list.add(library.path, `${by} needs it (DT_NEEDED ${library.name})`);
    }
    for (const entry of cached) this.cached.set(`${entry.name} ${entry.path}`, entry);
  }

  /** Not everybody has it, and then nobody needs it. */
  private async addByName(name: string, program: { path: string; elf: Elf }, why: string): Promise<void> {
    const found = await this.loader.findByName(name, program);
    if (found === undefined) return;
    await this.list.add(found.path, why);
    await this.addLibraries(name, await this.loader.load(found));
  }

  /** Copies a tree. Libraries in it bring theirs; one whose own cannot be found is left out. */
  private async addLibraryFolder({ folder, why, skip }: LibraryFolder): Promise<void> {
    const resolved = await this.list.add(folder, why);
    if (resolved?.node.kind !== 'folder') return;
    for (const name of await this.files.list(resolved.path)) {
      if (skip(name)) continue;
      const file = path.join(resolved.path, name);
      const node = await this.files.look(file);
      if (node?.kind === 'folder') await this.addLibraryFolder({ folder: file, why, skip });
      else if (/\.so(?:\.|$)/.test(name)) await this.addModule(file, why);
      else await this.list.add(file, why);
    }
  }

  private async addModule(file: string, why: string): Promise<void> {
    const elf = await this.loader.elfAt(file);
    if (elf === undefined || elf.machine === 'other') return;
    const result = await this.loader.load({ path: file, elf });
    const [missing] = result.missing;
    if (missing !== undefined) {
      this.notes.push(`${file} was left out: ${missing.name}, which it needs, is not installed.`);
      return;
    }
    await this.list.add(file, why);
    await this.addLibraries(path.basename(file), result);
  }

  private async addExtra(extra: BuildExtra, choices: ExtraChoices): Promise<void> {
    const { made, copied, libraries } = extraContent(extra, choices);
    for (const file of made) await this.list.make(file.path, file.content, file.why);
    let found = made.length > 0;
    for (const { path: file, why, mostBytes = Number.POSITIVE_INFINITY } of copied) {
      const node = (await this.files.resolve(file))?.node;
      if (node === undefined) continue;
      found = true;
      if (node.kind === 'file' && node.size > mostBytes) this.notes.push(`${file} was left out: it is very large.`);
      else await this.addTree(file, why);
    }
    if (!found) this.notes.push(`This machine has nothing of what “${extra}” stands for.`);
    for (const [program, elf] of this.dynamic) {
      if (isMuslLoader(elf.interpreter)) continue;
      for (const { name, why } of libraries) await this.addByName(name, { path: program, elf }, why);
    }
  }

  /** A file, or a folder with all that is in it and that this user may read. */
  private async addTree(file: string, why: string): Promise<void> {
    const resolved = await this.list.add(file, why);
    if (resolved?.node.kind !== 'folder') return;
    for (const name of await this.files.list(resolved.path)) await this.addTree(path.join(resolved.path, name), why);
  }

  /** The loader finds some folders only by its cache, and ldconfig is not there to make one. */
  private async addLoaderCache(): Promise<void> {
    if (this.cached.size === 0) return;
    const content = writeLoaderCache(await this.loader.inCacheOrder([...this.cached.values()]));
    await this.list.make('/etc/ld.so.cache', content, 'tells the loader where libraries are: made for what is here');
  }
}

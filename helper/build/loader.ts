import * as path from 'node:path';
import type { ErrorData } from '../protocol/errors.js';
import { type Elf, type ForeignElf, isElf, type Machine, readElf } from './elf.js';
import type { HostFiles } from './hostFiles.js';
import { type CachedLibrary, isFor, parseLoaderCache } from './loaderCache.js';

/** An object that a loader maps: the program itself, or a library. */
export interface LoadedObject {
  /** As the loader opened it: links are not followed, for `$ORIGIN` is its folder. */
  path: string;
  elf: Elf;
  /** Who needed it first; absent for the program. */
  loader?: LoadedObject;
  /** Name by which it was needed. */
  name: string;
}

export interface LoadResult {
  /** Libraries, in the order in which the loader maps them. */
  libraries: LoadedObject[];
  /** Names that were found nowhere, with who needs them. */
  missing: { name: string; neededBy: LoadedObject }[];
  /** Entries of the loader's cache that were used. */
  cached: CachedLibrary[];
}

/** AT_PLATFORM, as getauxval(3) gives it. */
const platforms: Readonly<Record<Machine, string>> = { 'x86-64': 'x86_64', aarch64: 'aarch64' };
const cacheFile = '/etc/ld.so.cache';
const largestCache = 64 * 1024 * 1024;

/**
 * Finds the libraries of programs as the dynamic loader does, without running it: ld.so(8) for glibc; musl's loader,
 * which reads /etc/ld-musl-ARCH.path instead of a cache, where that is the interpreter. LD_LIBRARY_PATH is not ours to
 * follow: inside nobody sets it.
 */
export class Loader {
  private readonly elves = new Map<string, Promise<Elf | ForeignElf | undefined>>();
  private cache: Promise<CachedLibrary[]> | undefined;

  constructor(private readonly files: HostFiles) {}

  /** @returns undefined when the path leads to no ELF file. @throws TerrariumError BadInput when that is damaged. */
  elfAt(file: string): Promise<Elf | ForeignElf | undefined> {
    let elf = this.elves.get(file);
    if (elf === undefined) {
      elf = this.readElfAt(file);
      this.elves.set(file, elf);
    }
    return elf;
  }

  /**
   * What a program needs, and what its libraries need: breadth first, as the loader does.
   * @param program a program, or a library as if it were opened by itself.
   */
  async load(program: { path: string; elf: Elf }): Promise<LoadResult> {
    const main: LoadedObject = { ...program, name: program.path };
    const result: LoadResult = { libraries: [], missing: [], cached: [] };
    const { interpreter } = program.elf;
    const byName = new Map<string, LoadedObject | undefined>();
    if (interpreter !== undefined) await this.register(byName, main, interpreter);
    const queue: LoadedObject[] = [main];
    for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
      for (const name of object.elf.needed) {
        if (byName.has(name) || isMusl(interpreter, name)) continue;
        const found = await this.find(name, object, main, result.cached);
        byName.set(name, found);
        if (found === undefined) {
          result.missing.push({ name, neededBy: object });
          continue;
        }
        // The same file by another name is the same object.
        const { soname } = found.elf;
        if (soname !== undefined && soname !== name && byName.get(soname)?.path === found.path) continue;
        if (soname !== undefined && !byName.has(soname)) byName.set(soname, found);
        result.libraries.push(found);
        queue.push(found);
      }
    }
    return result;
  }

  /** A library that is opened by name at run time, such as a module of the name service. */
  async findByName(name: string, program: { path: string; elf: Elf }): Promise<LoadedObject | undefined> {
    const main: LoadedObject = { ...program, name: program.path };
    return this.find(name, main, main, []);
  }

  /** Sorted as in the cache they are from. */
  async inCacheOrder(libraries: readonly CachedLibrary[]): Promise<CachedLibrary[]> {
    const wanted = new Set(libraries);
    return ((await this.cache) ?? []).filter((library) => wanted.has(library));
  }

  /** The loader is mapped already when the program's libraries are looked for: some name it as one. */
  private async register(byName: Map<string, LoadedObject | undefined>, main: LoadedObject, file: string) {
    const elf = await this.elfAt(file);
    if (elf === undefined || !isMachine(elf, main.elf.machine) || elf.soname === undefined) return;
    byName.set(elf.soname, { path: file, elf, loader: main, name: elf.soname });
  }

  private async find(
    name: string,
    loader: LoadedObject,
    main: LoadedObject,
    used: CachedLibrary[],
  ): Promise<LoadedObject | undefined> {
    const { machine } = main.elf;
    const usable = async (file: string): Promise<LoadedObject | undefined> => {
      const elf = await this.elfAt(file).catch(passOverUnreadable);
      return elf !== undefined && isMachine(elf, machine) ? { path: file, elf, loader, name } : undefined;
    };
    if (name.includes('/')) {
      const expanded = await this.expand(name, loader);
      return expanded.startsWith('/') ? usable(expanded) : undefined;
    }
    for (const folder of await this.searchPath(loader, main)) {
      const found = await this.findIn(folder, name, usable);
      if (found !== undefined) return found;
    }
    const defaults = await this.defaultFolders(main);
    if (!isMuslLoader(main.elf.interpreter)) {
      this.cache ??= this.readCache();
      const candidates = (await this.cache).filter(
        (library) =>
          library.name === name &&
          isFor(library, machine) &&
          !(loader.elf.noDefaultFolders && defaults.includes(path.dirname(library.path))),
      );
      // Variants for better processors last: what is copied should run on others too.
      for (const library of candidates.sort((a, b) => Number(!!a.subfolder) - Number(!!b.subfolder))) {
        const found = await usable(library.path);
        if (found === undefined) continue;
        used.push(library);
        return found;
      }
    }
    if (loader.elf.noDefaultFolders) return undefined;
    for (const folder of defaults) {
      const found = await this.findIn(folder, name, usable);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private async findIn<T>(folder: string, name: string, usable: (file: string) => Promise<T | undefined>) {
    const found = await usable(`${folder}/${name}`);
    if (found !== undefined) return found;
    for (const variant of await this.files.list(`${folder}/glibc-hwcaps`)) {
      const better = await usable(`${folder}/glibc-hwcaps/${variant}/${name}`);
      if (better !== undefined) return better;
    }
    return undefined;
  }

  /**
   * Folders to look in before the cache. A RUNPATH counts for the object's own needs only; a RPATH, unless the object
   * has a RUNPATH, for those of its libraries too. musl makes no difference between them.
   */
  private async searchPath(loader: LoadedObject, main: LoadedObject): Promise<string[]> {
    const folders: string[] = [];
    const musl = isMuslLoader(main.elf.interpreter);
    if (loader.elf.runpath === undefined || musl) {
      for (let object: LoadedObject | undefined = loader; object !== undefined; object = object.loader) {
        const { rpath, runpath } = object.elf;
        folders.push(...(await this.expandPath((musl ? runpath : undefined) ?? rpath, object)));
      }
      return folders;
    }
    return this.expandPath(loader.elf.runpath, loader);
  }

  private async expandPath(list: string | undefined, object: LoadedObject): Promise<string[]> {
    if (list === undefined) return [];
    const expanded: string[] = [];
    for (const folder of list.split(':')) expanded.push(await this.expand(folder, object));
    // What is relative would depend on where a program is started.
    return expanded.filter((folder) => folder.startsWith('/')).map((folder) => folder.replace(/(?<=.)\/+$/, ''));
  }

  /** Replaces $ORIGIN, $LIB and $PLATFORM: "Dynamic string tokens" of ld.so(8). */
  private async expand(text: string, object: LoadedObject): Promise<string> {
    const values: Record<string, string> = {
      ORIGIN: path.dirname(object.path),
      LIB: text.includes('LIB') ? await this.libraryFolder(object.elf.machine) : '',
      PLATFORM: platforms[object.elf.machine],
    };
    const token = /\$(?:(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_])|\{(ORIGIN|LIB|PLATFORM)\})/g;
    return text.replace(token, (_, plain?: string, braced?: string) => values[plain ?? braced ?? ''] ?? '');
  }

  /** What $LIB stands for is compiled into the loader; where the C library is tells. */
  private async libraryFolder(machine: Machine): Promise<string> {
    for (const name of [`lib/${platforms[machine]}-linux-gnu`, 'lib64']) {
      if ((await this.files.resolve(`/${name}/libc.so.6`)) !== undefined) return name;
    }
    return 'lib';
  }

  /** Where libraries are looked for last. Debian's loader has its multiarch folders there, others lib64. */
  private async defaultFolders(main: LoadedObject): Promise<string[]> {
    const { machine, interpreter } = main.elf;
    if (isMuslLoader(interpreter)) return this.muslFolders(machine);
    const triple = `${platforms[machine]}-linux-gnu`;
    return [`/lib/${triple}`, `/usr/lib/${triple}`, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
  }

  private async muslFolders(machine: Machine): Promise<string[]> {
    const file = muslPathFile(machine);
    const text = (await this.readSmall(file, longestMuslPath))?.toString('utf8');
    return (text ?? '/lib:/usr/local/lib:/usr/lib').split(/[:\n]/).filter((folder) => folder.startsWith('/'));
  }

  private async readCache(): Promise<CachedLibrary[]> {
    const bytes = await this.readSmall(cacheFile, largestCache);
    return bytes === undefined ? [] : parseLoaderCache(bytes);
  }

  private async readSmall(file: string, most: number): Promise<Buffer | undefined> {
    const resolved = await this.files.resolve(file);
    const { node } = resolved ?? {};
    if (resolved === undefined || node?.kind !== 'file' || node.size > most) return undefined;
    return this.files.reading(resolved.path, (read) => read(0, node.size));
  }

  private async readElfAt(file: string): Promise<Elf | ForeignElf | undefined> {
    const resolved = await this.files.resolve(file);
    if (resolved?.node.kind !== 'file') return undefined;
    return this.files.reading(resolved.path, async (read) =>
      isElf(await read(0, 4)) ? readElf(read, file) : undefined,
    );
  }
}

const longestMuslPath = 64 * 1024;

function isMachine(elf: Elf | ForeignElf, machine: Machine): elf is Elf {
  return elf.machine === machine;
}

/** As the loader does: what may not be read is as good as not there. */
function passOverUnreadable(error: unknown): undefined {
  const { data } = error as { data?: ErrorData };
  if (data?.errno !== 'EACCES') throw error;
}

/** The file that tells musl's loader where to look. */
export function muslPathFile(machine: Machine): string {
  return `/etc/ld-musl-${platforms[machine]}.path`;
}

export function isMuslLoader(interpreter: string | undefined): boolean {
  return interpreter !== undefined && path.basename(interpreter).startsWith('ld-musl-');
}

/** musl is its own loader: these names mean the loader itself (ldso/dynlink.c, `reserved`). */
function isMusl(interpreter: string | undefined, name: string): boolean {
  return isMuslLoader(interpreter) && /^lib(?:c|pthread|rt|m|dl|util|xnet)\./.test(name);
}

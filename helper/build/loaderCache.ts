import type { Machine } from './elf.js';

/** One library that ldconfig(8) has found. */
export interface CachedLibrary {
  /** Its soname. */
  name: string;
  path: string;
  /** FLAG_* of glibc's ldconfig.h: kind of library and machine. */
  flags: number;
  /** Of the sub-folder of glibc-hwcaps that it is in, such as `x86-64-v3`. */
  subfolder?: string;
}

const magic = 'glibc-ld.so.cache1.1';
/** Precedes the present format where ldconfig writes both (`-c compat`). */
const oldMagic = 'ld.so-1.7.0';
const oldHeaderSize = 16;
const oldEntrySize = 12;
const headerSize = 48;
const entrySize = 24;
const littleEndian = 2;
const extensionMagic = 0xeaa42174;
const hwcapsSection = 1;
const sectionSize = 16;
/** In `hwcap`: the low 32 bits are an index into the names of sub-folders. */
const hasSubfolder = 1n << 62n;

const requiredFlags: Readonly<Record<Machine, number>> = { 'x86-64': 0x0303, aarch64: 0x0a03 };

/**
 * The libraries in a cache of glibc's dynamic loader (dl-cache.h), in its order; none when it is in another format or
 * damaged, as the loader itself goes on without.
 */
export function parseLoaderCache(bytes: Buffer): CachedLibrary[] {
  const start = newFormat(bytes);
  if (start === undefined) return [];
  const cache = bytes.subarray(start);
  const count = cache.readUInt32LE(20);
  if ((cache.readUInt8(28) & 3) === 3 || headerSize + count * entrySize > cache.length) return [];
  const subfolders = parseSubfolders(cache);
  const libraries: CachedLibrary[] = [];
  for (let at = headerSize; at < headerSize + count * entrySize; at += entrySize) {
    const name = stringAt(cache, cache.readUInt32LE(at + 4));
    const path = stringAt(cache, cache.readUInt32LE(at + 8));
    const hwcap = cache.readBigUInt64LE(at + 16);
    const subfolder = (hwcap & hasSubfolder) === 0n ? undefined : subfolders[Number(hwcap & 0xffff_ffffn)];
    // Other bits of hwcap are those of the scheme before glibc-hwcaps, which loaders no longer follow.
    if (name === undefined || path === undefined || (hwcap !== 0n && subfolder === undefined)) continue;
    libraries.push({ name, path, flags: cache.readUInt32LE(at), ...(subfolder === undefined ? {} : { subfolder }) });
  }
  return libraries;
}

/** Whether the loader of that machine would use it. */
export function isFor(library: CachedLibrary, machine: Machine): boolean {
  return library.flags === requiredFlags[machine];
}

/**
 * A cache of some of the libraries of another, in the same order, which is the one that the loader's binary search needs.
 * None of them counts as one for better processors, for there is no other of its name.
 */
export function writeLoaderCache(libraries: readonly CachedLibrary[]): Buffer {
  const head = Buffer.alloc(headerSize + libraries.length * entrySize);
  const strings: Buffer[] = [];
  let end = head.length;
  const add = (text: string): number => {
    const bytes = Buffer.from(`${text}\0`);
    const at = end;
    strings.push(bytes);
    end += bytes.length;
    return at;
  };
  for (const [index, { name, path, flags }] of libraries.entries()) {
    const at = headerSize + index * entrySize;
    head.writeUInt32LE(flags, at);
    head.writeUInt32LE(add(name), at + 4);
    head.writeUInt32LE(add(path), at + 8);
  }
  head.write(magic, 'latin1');
  head.writeUInt32LE(libraries.length, 20);
  head.writeUInt32LE(end - head.length, 24);
  head.writeUInt8(littleEndian, 28);
  return Buffer.concat([head, ...strings]);
}

/** Where the present format begins. */
function newFormat(bytes: Buffer): number | undefined {
  const isAt = (at: number) => bytes.length >= at + headerSize && bytes.toString('latin1', at, at + 20) === magic;
  if (isAt(0)) return 0;
  if (bytes.length < oldHeaderSize || bytes.toString('latin1', 0, oldMagic.length) !== oldMagic) return undefined;
  const after = oldHeaderSize + bytes.readUInt32LE(12) * oldEntrySize;
  const aligned = Math.ceil(after / 8) * 8;
  return isAt(aligned) ? aligned : undefined;
}

function parseSubfolders(cache: Buffer): (string | undefined)[] {
  const at = cache.readUInt32LE(32);
  if (at === 0 || at + 8 > cache.length || cache.readUInt32LE(at) !== extensionMagic) return [];
  const count = cache.readUInt32LE(at + 4);
  for (let index = 0, section = at + 8; index < count && section + sectionSize <= cache.length; index++) {
    if (cache.readUInt32LE(section) === hwcapsSection) {
      const offset = cache.readUInt32LE(section + 8);
      const size = cache.readUInt32LE(section + 12);
      if (offset + size > cache.length) return [];
      return Array.from({ length: Math.floor(size / 4) }, (_, n) =>
        stringAt(cache, cache.readUInt32LE(offset + n * 4)),
      );
    }
    section += sectionSize;
  }
  return [];
}

function stringAt(cache: Buffer, offset: number): string | undefined {
  const end = offset < cache.length ? cache.indexOf(0, offset) : -1;
  return end < 0 ? undefined : cache.toString('utf8', offset, end);
}

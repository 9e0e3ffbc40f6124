import { badInput } from '../image/failure.js';

/** Bytes of a file. May answer fewer than asked for, at its end. */
export type ReadBytes = (offset: number, length: number) => Promise<Buffer>;

export type Machine = 'x86-64' | 'aarch64';

/** An ELF file for a machine that is not supported. */
export interface ForeignElf {
  machine: 'other';
  /** In words. */
  what: string;
}

/** What the dynamic loader reads of a program or library: elf(5), ld.so(8). Strings are the file's own: untrusted. */
export interface Elf {
  machine: Machine;
  /** PT_INTERP: the loader, for programs that are not static. */
  interpreter?: string;
  /** DT_NEEDED, in the order of the file. */
  needed: string[];
  /** DT_RPATH, as it is written. Absent beside a DT_RUNPATH, which makes loaders ignore it. */
  rpath?: string;
  runpath?: string;
  soname?: string;
  /** DF_1_NODEFLIB: libraries are not looked for in the default folders. */
  noDefaultFolders: boolean;
}

/** Whether a file that begins with these bytes claims to be ELF. */
export function isElf(head: Buffer): boolean {
  return head.length >= 4 && head.readUInt32BE(0) === 0x7f454c46;
}

const headerSize = 64;
const programHeaderSize = 56;
const dynamicEntrySize = 16;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0n;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_SONAME = 14n;
const DT_RPATH = 15n;
const DT_RUNPATH = 29n;
const DT_FLAGS_1 = 0x6ffffffbn;
const DF_1_NODEFLIB = 0x800n;

/** Far above what linkers write; a damaged or hostile file must not make us read without end. */
const mostProgramHeaders = 512;
const mostDynamicEntries = 8192;
const longestString = 4096;

const machines: ReadonlyMap<number, Machine> = new Map([
  [62, 'x86-64'],
  [183, 'aarch64'],
]);
const otherMachines: ReadonlyMap<number, string> = new Map([
  [3, '32-bit x86'],
  [8, 'MIPS'],
  [20, '32-bit PowerPC'],
  [21, 'PowerPC'],
  [22, 'S/390'],
  [40, '32-bit ARM'],
  [243, 'RISC-V'],
  [258, 'LoongArch'],
]);

interface Segment {
  type: number;
  offset: number;
  address: bigint;
  fileSize: number;
}

/**
 * Reads an ELF file, every offset checked against what is there.
 * @param name for messages.
 * @throws TerrariumError BadInput when it is damaged.
 */
export async function readElf(read: ReadBytes, name: string): Promise<Elf | ForeignElf> {
  const header = await read(0, headerSize);
  const machine = machineOf(header, name);
  if (typeof machine !== 'string') return machine;
  const segments = await readSegments(read, header, name);
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  return {
    machine,
    ...(interpreter === undefined
      ? {}
      : { interpreter: await readString(read, interpreter.offset, interpreter.fileSize, name) }),
    ...(dynamic === undefined
      ? { needed: [], noDefaultFolders: false }
      : await readDynamic(read, dynamic, segments, name)),
  };
}

function machineOf(header: Buffer, name: string): Machine | ForeignElf {
  if (!isElf(header) || header.length < 20) throw damaged(name, 'its header is cut short');
  const [is64Bit, isLittleEndian] = [header[4] === 2, header[5] === 1];
  const number = isLittleEndian ? header.readUInt16LE(18) : header.readUInt16BE(18);
  const machine = machines.get(number);
  if (!is64Bit || !isLittleEndian || machine === undefined) {
    return {
      machine: 'other',
      what: otherMachines.get(number) ?? `${is64Bit ? 64 : 32}-bit machines of type ${number}`,
    };
  }
  if (header.length < headerSize) throw damaged(name, 'its header is cut short');
  return machine;
}

async function readSegments(read: ReadBytes, header: Buffer, name: string): Promise<Segment[]> {
  const offset = safe(header.readBigUInt64LE(32), name);
  const size = header.readUInt16LE(54);
  const count = header.readUInt16LE(56);
  if (count === 0) return [];
  if (size !== programHeaderSize || count > mostProgramHeaders) {
    throw damaged(name, `it says that it has ${count} program headers of ${size} bytes`);
  }
  const table = await readExactly(read, offset, size * count, name);
  return Array.from({ length: count }, (_, index) => {
    const at = index * size;
    return {
      type: table.readUInt32LE(at),
      offset: safe(table.readBigUInt64LE(at + 8), name),
      address: table.readBigUInt64LE(at + 16),
      fileSize: safe(table.readBigUInt64LE(at + 32), name),
    };
  });
}

async function readDynamic(
  read: ReadBytes,
  segment: Segment,
  segments: readonly Segment[],
  name: string,
): Promise<Omit<Elf, 'machine' | 'interpreter'>> {
  const count = Math.floor(segment.fileSize / dynamicEntrySize);
  if (count > mostDynamicEntries) throw damaged(name, `its dynamic section has ${count} entries`);
  const table = await readExactly(read, segment.offset, count * dynamicEntrySize, name);
  const values = new Map<bigint, bigint[]>();
  for (let at = 0; at < table.length; at += dynamicEntrySize) {
    const tag = table.readBigUInt64LE(at);
    if (tag === DT_NULL) break;
    const known = values.get(tag);
    if (known === undefined) values.set(tag, [table.readBigUInt64LE(at + 8)]);
    else known.push(table.readBigUInt64LE(at + 8));
  }
  const [stringTable] = values.get(DT_STRTAB) ?? [];
  const strings = async (tag: bigint): Promise<string[]> => {
    const found: string[] = [];
    for (const value of values.get(tag) ?? []) {
      if (stringTable === undefined) throw damaged(name, 'its dynamic section has no strings');
      const at = fileOffset(stringTable, segments, name) + safe(value, name);
      found.push(await readString(read, at, longestString, name));
    }
    return found;
  };
  const [soname] = await strings(DT_SONAME);
  const [runpath] = await strings(DT_RUNPATH);
  const [rpath] = runpath === undefined ? await strings(DT_RPATH) : [];
  const [flags = 0n] = values.get(DT_FLAGS_1) ?? [];
  return {
    needed: await strings(DT_NEEDED),
    noDefaultFolders: (flags & DF_1_NODEFLIB) !== 0n,
    ...(soname === undefined ? {} : { soname }),
    ...(rpath === undefined ? {} : { rpath }),
    ...(runpath === undefined ? {} : { runpath }),
  };
}

/** Where in the file lies what is loaded at an address. */
function fileOffset(address: bigint, segments: readonly Segment[], name: string): number {
  const segment = segments.find(
    (one) => one.type === PT_LOAD && address >= one.address && address < one.address + BigInt(one.fileSize),
  );
  if (segment === undefined) throw damaged(name, 'its strings are in no segment');
  return segment.offset + Number(address - segment.address);
}

async function readString(read: ReadBytes, offset: number, most: number, name: string): Promise<string> {
  const bytes = await read(offset, Math.min(most, longestString));
  const end = bytes.indexOf(0);
  if (end < 0) throw damaged(name, 'a string in it has no end');
  return bytes.toString('utf8', 0, end);
}

async function readExactly(read: ReadBytes, offset: number, length: number, name: string): Promise<Buffer> {
  const bytes = await read(offset, length);
  if (bytes.length < length) throw damaged(name, `it ends before byte ${offset + length}`);
  return bytes;
}

function safe(value: bigint, name: string): number {
  if (value > 2n ** 48n) throw damaged(name, 'an offset in it lies beyond every file');
  return Number(value);
}

function damaged(name: string, cause: string) {
  return badInput(`${name} is no usable ELF file`, { path: name, cause: `It is damaged: ${cause}.` });
}

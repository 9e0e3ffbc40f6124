import { Header } from 'tar';
import { badInput } from '../failure.js';
import type { EntrySink, EntryType, TarEntry } from './entry.js';
import { parsePaxNumber, parsePaxRecords, parsePaxTime } from './pax.js';
import { parseOldNumber, parseOldPieces, parseSparseMap, SparseContent } from './sparse.js';

const blockSize = 512;
/** Longest extended headers of an entry: a path and several extended attributes of 64 KiB fit. */
const maximumMeta = 1024 * 1024;
const xattrPrefix = 'SCHILY.xattr.';

const typesByFlag: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character device',
  '4': 'block device',
  '5': 'directory',
  '6': 'fifo',
  // What `tar --incremental` writes: a folder, whose body is a list of names.
  D: 'directory',
};

/** What precedes an entry and changes it. */
interface Overrides {
  path?: Buffer;
  linkPath?: Buffer;
  pax: Map<string, Buffer>;
}

/** A sparse file in the old GNU format, of which more headers follow. */
interface Extension {
  entry: TarEntry;
  pieces: ReturnType<typeof parseOldPieces>;
}

/** Of the old GNU format: what tar.h calls `sp`, `isextended` and `realsize`. */
const oldPiecesAt = 386;
const oldExtendedAt = 482;
const oldRealSizeAt = 483;
const maximumOldPieces = 100_000;

type Body = 'entry' | 'skipped' | { flag: string; bytes: Buffer; filled: number };

/**
 * Reads a tar as it streams by, in constant memory: ustar, GNU long names, pax.
 *
 * Single headers are decoded by node-tar. Its streaming parser is not used: it decodes pax records as lines of UTF-8,
 * which damages binary attributes (`security.capability`), names in other encodings, and times below a millisecond.
 */
export class TarReader {
  /** Entries seen so far. */
  entries = 0;
  private pushed = 0;
  private content = 0;
  private offset = 0;
  private headerOffset = 0;
  private sparse: SparseContent | undefined;
  private extending: Extension | undefined;
  /** In the content of the entry. */
  private position = 0;
  private readonly block = Buffer.alloc(blockSize);
  private blockFill = 0;
  private body: Body = 'skipped';
  private bodyLeft = 0;
  private padding = 0;
  private ended = false;
  private overrides: Overrides = { pax: new Map() };
  private readonly global = new Map<string, Buffer>();
  /** Bytes of extended headers: since the last entry, and of global ones. */
  private readonly held = { entry: 0, global: 0 };

  constructor(private readonly sink: EntrySink) {}

  /** @throws TerrariumError BadInput, and what the sink throws. */
  push(chunk: Buffer): void {
    this.pushed += chunk.length;
    let at = 0;
    while (at < chunk.length && !this.ended) {
      const left = chunk.length - at;
      let taken: number;
      if (this.bodyLeft > 0) {
        taken = Math.min(left, this.bodyLeft);
        this.takeBody(chunk.subarray(at, at + taken));
      } else if (this.padding > 0) {
        taken = Math.min(left, this.padding);
        this.padding -= taken;
      } else if (this.blockFill === 0 && left >= blockSize) {
        taken = blockSize;
        this.takeHeader(chunk.subarray(at, at + taken), this.offset);
      } else {
        taken = Math.min(left, blockSize - this.blockFill);
        chunk.copy(this.block, this.blockFill, at, at + taken);
        this.blockFill += taken;
        if (this.blockFill === blockSize) {
          this.blockFill = 0;
          this.takeHeader(this.block, this.offset + taken - blockSize);
        }
      }
      at += taken;
      this.offset += taken;
    }
  }

  /**
   * To be called after the last chunk.
   * @param layer may hold nothing, and may lack the end marker: some writers forget it, and digests tell if it was cut off.
   * @throws TerrariumError BadInput when the archive is cut off or holds nothing.
   */
  end(layer = false): void {
    if (layer && this.bodyLeft === 0 && this.padding === 0 && this.blockFill === 0) {
      return;
    }
    if (!this.ended && this.offset < blockSize) {
      throw notTar();
    }
    if (!this.ended) {
      throw badInput('The archive is cut off: its end marker is missing', {
        cause: `It ends after ${this.offset} bytes (uncompressed) and ${this.entries} entries.`,
        fix: 'Download or export it again.',
      });
    }
    if (this.entries === 0 && !layer) {
      throw badInput('The archive is empty', { fix: 'A root file system as a tar is expected.' });
    }
  }

  /** Bytes so far that were no content of a file: headers, labels, filling, and whatever follows the end marker. */
  get otherBytes(): number {
    return this.pushed - this.content;
  }

  /** Where the content of the entry that `begin` is being told of will begin, in bytes of the uncompressed archive. */
  get bodyOffset(): number {
    return this.headerOffset + blockSize;
  }

  /**
   * Leaves out what remains of an entry's content, for those who read from a file and can go on behind it.
   * @returns how many bytes the next `push` must come later.
   */
  skipBody(): number {
    if (this.body !== 'entry') {
      return 0;
    }
    const skipped = this.bodyLeft + this.padding;
    this.offset += skipped;
    this.padding = 0;
    if (this.bodyLeft > 0) {
      this.bodyLeft = 0;
      this.endBody();
    }
    return skipped;
  }

  private takeHeader(block: Buffer, offset: number): void {
    if (this.extending) {
      this.takeExtension(this.extending, block);
      return;
    }
    this.headerOffset = offset;
    const header = decodeHeader(block, offset, this.extendedPath);
    if (header.nullBlock) {
      this.ended = true;
      return;
    }
    const flag = String.fromCharCode(block[156] ?? 0);
    if ('xgXLKN'.includes(flag)) {
      const size = header.size ?? Number.NaN;
      if (!(size >= 0 && size <= maximumMeta)) {
        throw damaged(`an extended header of ${size} bytes`, this.offset);
      }
      this.holdMeta(flag, size);
      this.beginBody({ flag, bytes: Buffer.alloc(size), filled: 0 }, size);
      return;
    }
    const { pax } = this.overrides;
    const entry = this.composeEntry(block, header, flag);
    this.overrides = { pax: new Map() };
    this.held.entry = 0;
    if (flag === 'V') {
      // A volume's label is no file.
      this.beginBody('skipped', entry.storedSize);
      return;
    }
    if (flag === 'S') {
      const pieces = parseOldPieces(block, oldPiecesAt, 4);
      if (block[oldExtendedAt] === 1) {
        this.extending = { entry, pieces };
        return;
      }
      this.beginEntry(entry, new SparseContent(entry.size, pieces));
      return;
    }
    this.beginEntry(entry, sparseContentOf(entry, pax));
  }

  /** They stay in memory until their entry comes, global ones to the end: many must not be more than one may be. */
  private holdMeta(flag: string, size: number): void {
    const scope = flag === 'g' ? 'global' : 'entry';
    this.held[scope] += size;
    if (this.held[scope] > maximumMeta) {
      throw damaged(`extended headers of ${this.held[scope]} bytes together`, this.offset);
    }
  }

  /** Further pieces of a sparse file in the old GNU format. */
  private takeExtension({ entry, pieces }: Extension, block: Buffer): void {
    pieces.push(...parseOldPieces(block, 0, 21));
    if (pieces.length > maximumOldPieces) {
      throw damaged('a sparse file of too many pieces', this.offset);
    }
    if (block[504] === 1) {
      return;
    }
    this.extending = undefined;
    this.headerOffset = this.offset;
    this.beginEntry(entry, new SparseContent(entry.size, pieces));
  }

  private beginEntry(entry: TarEntry, sparse: SparseContent | undefined): void {
    this.entries++;
    this.sparse = sparse;
    this.position = 0;
    this.sink.begin(entry);
    this.beginBody('entry', entry.storedSize);
  }

  /** The path that extended headers give the next entry. */
  private get extendedPath(): Buffer | undefined {
    const { pax, path } = this.overrides;
    return pax.get('GNU.sparse.name') ?? pax.get('path') ?? path;
  }

  private composeEntry(block: Buffer, header: Header, flag: string): TarEntry {
    const { overrides } = this;
    if (flag === 'M' || overrides.pax.has('GNU.sparse.offset')) {
      const kind = flag === 'M' ? 'a split file' : 'a sparse file in the format of 2005';
      throw badInput(`The archive holds ${kind}, which is not supported: ${shown(headerPath(block))}`, {
        fix: 'Make the archive again, by GNU tar with --format=posix.',
      });
    }
    const text = (key: string) => (overrides.pax.get(key) ?? this.global.get(key))?.toString('latin1');
    const number = (key: string, fallback: number | undefined) => {
      const value = text(key);
      return value === undefined ? fallback : parsePaxNumber(key, value);
    };
    const path = this.extendedPath ?? headerPath(block);
    const type = entryType(flag, path);
    const size = number('size', header.size);
    if (size === undefined || !Number.isSafeInteger(size) || size < 0) {
      throw damaged(`an impossible size for ${shown(path)}`, this.offset);
    }
    const sparseSize = sparseSizeOf(block, flag, overrides.pax);
    const time = text('mtime');
    const headerSeconds = (header.mtime?.getTime() ?? 0) / 1000;
    const xattrs = new Map<string, Buffer>();
    for (const [key, value] of overrides.pax) {
      if (key.startsWith(xattrPrefix)) {
        xattrs.set(key.slice(xattrPrefix.length), value);
      }
    }
    return {
      type,
      path,
      linkPath: overrides.pax.get('linkpath') ?? overrides.linkPath ?? field(block, 157, 100),
      mode: (header.mode ?? 0) & 0o7777,
      uid: number('uid', header.uid) ?? 0,
      gid: number('gid', header.gid) ?? 0,
      // Other writers put the size of the target into links: only files (and unknown types) have content.
      ...(type === 'file' || type === 'unknown' || flag === 'D'
        ? { size: sparseSize ?? size, storedSize: size }
        : { size: 0, storedSize: 0 }),
      modified: time === undefined ? BigInt(Math.trunc(headerSeconds || 0)) * 1_000_000_000n : parsePaxTime(time),
      xattrs,
    };
  }

  private beginBody(body: Body, size: number): void {
    this.body = body;
    this.bodyLeft = size;
    this.padding = (blockSize - (size % blockSize)) % blockSize;
    if (size === 0) {
      this.endBody();
    }
  }

  private takeBody(bytes: Buffer): void {
    if (typeof this.body === 'object') {
      bytes.copy(this.body.bytes, this.body.filled);
      this.body.filled += bytes.length;
    } else if (this.body === 'entry') {
      if (this.sparse) {
        this.sparse.place(bytes, (part, offset) => this.deliver(part, offset));
      } else {
        this.deliver(bytes, this.position);
      }
      this.position += bytes.length;
    }
    this.bodyLeft -= bytes.length;
    if (this.bodyLeft === 0) {
      this.endBody();
    }
  }

  private deliver(bytes: Buffer, offset: number): void {
    this.content += bytes.length;
    this.sink.data(bytes, offset);
  }

  private endBody(): void {
    if (this.body === 'entry') {
      this.sparse?.end();
      this.sink.end();
    } else if (typeof this.body === 'object') {
      this.applyMeta(this.body.flag, this.body.bytes);
    }
    this.body = 'skipped';
  }

  private applyMeta(flag: string, bytes: Buffer): void {
    switch (flag) {
      case 'L':
      case 'N':
        this.overrides.path = untilNul(bytes);
        break;
      case 'K':
        this.overrides.linkPath = untilNul(bytes);
        break;
      case 'g': {
        const records = parsePaxRecords(bytes);
        // One name or size for every entry makes no sense; git, the usual writer of these, only sets a comment.
        for (const key of ['path', 'linkpath', 'size']) {
          records.delete(key);
        }
        for (const [key, value] of records) {
          this.global.set(key, value);
        }
        break;
      }
      default:
        // Of several the last counts alone, as for GNU tar and Go: with others, others would find other entries.
        this.overrides.pax = parsePaxRecords(bytes);
    }
  }
}

/**
 * @param path instead of the header's own, which may be cut off behind a slash: then the file would be taken for a
 * folder of the oldest kind, which has no content.
 */
function decodeHeader(block: Buffer, offset: number, path: Buffer | undefined): Header {
  let header: Header;
  try {
    header = new Header(block, 0, path && { path: path.toString('latin1') });
  } catch (error) {
    // A number beyond what a double holds.
    throw damaged(error instanceof Error ? error.message : String(error), offset);
  }
  if (!header.nullBlock && !header.cksumValid) {
    throw offset === 0 ? notTar() : damaged('a header whose checksum is wrong', offset);
  }
  return header;
}

function entryType(flag: string, path: Buffer): EntryType {
  // Before ustar files had the flag NUL, and folders were files with a slash at the end.
  const type = flag === '\0' ? 'file' : (typesByFlag[flag] ?? 'unknown');
  return type === 'file' && path[path.length - 1] === 0x2f ? 'directory' : type;
}

/** The size of a sparse file, which the header's own is not. */
function sparseSizeOf(block: Buffer, flag: string, pax: ReadonlyMap<string, Buffer>): number | undefined {
  if (flag === 'S') {
    return parseOldNumber(block, oldRealSizeAt);
  }
  const text = pax.get('GNU.sparse.realsize') ?? pax.get('GNU.sparse.size');
  return text && parsePaxNumber('size of a sparse file', text.toString('latin1'));
}

function sparseContentOf(entry: TarEntry, pax: ReadonlyMap<string, Buffer>): SparseContent | undefined {
  const map = pax.get('GNU.sparse.map');
  if (map) {
    return new SparseContent(entry.size, parseSparseMap(map.toString('latin1')));
  }
  return pax.has('GNU.sparse.major') ? new SparseContent(entry.size) : undefined;
}

/** POSIX ustar has a prefix for long names; GNU's own magic (`ustar  `) means other fields are there. */
function headerPath(block: Buffer): Buffer {
  const name = field(block, 0, 100);
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? field(block, 345, 155) : Buffer.alloc(0);
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

/** A copy, since blocks are reused. */
function field(block: Buffer, start: number, length: number): Buffer {
  return Buffer.from(untilNul(block.subarray(start, start + length)));
}

function untilNul(bytes: Buffer): Buffer {
  const nul = bytes.indexOf(0);
  return nul === -1 ? bytes : bytes.subarray(0, nul);
}

/** A name of an archive as people may read it: quoted, control characters escaped, not endless. */
export function shown(path: Buffer): string {
  const text = path.toString('utf8');
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

function notTar() {
  return badInput('The file is not a tar archive', {
    fix: 'A tar is expected, plain or compressed with gzip, xz, zstd or bzip2: of a root file system, or of images.',
  });
}

function damaged(what: string, offset: number) {
  return badInput(`The archive is damaged: ${what}`, {
    cause: `At byte ${offset} of the uncompressed archive.`,
    fix: 'Download or export it again.',
  });
}

/** The block of 512 bytes that an entry begins with: ustar of POSIX.1-2017 (pax, "ustar Interchange Format"), and GNU's. */
import { Header } from 'tar';
import { badInput } from '../failure.js';
import type { EntryType } from './entry.js';

export const blockSize = 512;

/**
 * @param path instead of the header's own, which may be cut off behind a slash: then the file would be taken for a
 * folder of the oldest kind, which has no content.
 */
export function decodeHeader(block: Buffer, offset: number, path: Buffer | undefined): Header {
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

/** What an entry of this flag and path is. */
export function entryType(flag: string, path: Buffer): EntryType {
  // Before ustar files had the flag NUL, and folders were files with a slash at the end.
  const type = flag === '\0' ? 'file' : (typesByFlag[flag] ?? 'unknown');
  return type === 'file' && path[path.length - 1] === 0x2f ? 'directory' : type;
}

/** The path in the header itself. POSIX ustar has a prefix for long names; GNU's own magic (`ustar  `) means other fields are there. */
export function headerPath(block: Buffer): Buffer {
  const name = field(block, 0, 100);
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? field(block, 345, 155) : Buffer.alloc(0);
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

/** What its target is, in the header itself. */
export function headerLinkPath(block: Buffer): Buffer {
  return field(block, 157, 100);
}

/** A copy, since blocks are reused. */
function field(block: Buffer, start: number, length: number): Buffer {
  return Buffer.from(untilNul(block.subarray(start, start + length)));
}

export function untilNul(bytes: Buffer): Buffer {
  const nul = bytes.indexOf(0);
  return nul === -1 ? bytes : bytes.subarray(0, nul);
}

export function notTar() {
  return badInput('The file is not a tar archive', {
    fix: 'A tar is expected, plain or compressed with gzip, xz, zstd or bzip2: of a root file system, or of images.',
  });
}

export function damaged(what: string, offset: number) {
  return badInput(`The archive is damaged: ${what}`, {
    cause: `At byte ${offset} of the uncompressed archive.`,
    fix: 'Download or export it again.',
  });
}

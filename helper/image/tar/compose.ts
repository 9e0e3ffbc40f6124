/** From headers to an entry. Pure. */
import type { Header } from 'tar';
import { badInput, shown } from '../failure.js';
import type { TarEntry } from './entry.js';
import type { ExtendedHeaders } from './extended.js';
import { damaged, entryType, headerLinkPath, headerPath } from './header.js';
import { parsePaxNumber, parsePaxTime } from './pax.js';
import { parseOldNumber, parseSparseMap, SparseContent } from './sparse.js';

const xattrPrefix = 'SCHILY.xattr.';
/** Of the old GNU format: what tar.h calls `realsize`. */
const oldRealSizeAt = 483;

/** The header that an entry begins with. */
export interface EntryHeader {
  block: Buffer;
  /** The same, decoded. */
  header: Header;
  flag: string;
  /** In the uncompressed archive. */
  offset: number;
}

/** @throws TerrariumError BadInput for what cannot be, and for what is not supported */
export function composeEntry({ block, header, flag, offset }: EntryHeader, extended: ExtendedHeaders): TarEntry {
  if (flag === 'M' || extended.own.has('GNU.sparse.offset')) {
    const kind = flag === 'M' ? 'a split file' : 'a sparse file in the format of 2005';
    throw badInput(`The archive holds ${kind}, which is not supported: ${shown(headerPath(block))}`, {
      fix: 'Make the archive again, by GNU tar with --format=posix.',
    });
  }
  const path = extended.path ?? headerPath(block);
  const type = entryType(flag, path);
  const size = extended.number('size', header.size);
  if (size === undefined || !Number.isSafeInteger(size) || size < 0) {
    throw damaged(`an impossible size for ${shown(path)}`, offset);
  }
  const sparseSize = sparseSizeOf(block, flag, extended.own);
  const time = extended.text('mtime');
  const headerSeconds = (header.mtime?.getTime() ?? 0) / 1000;
  const xattrs = new Map<string, Buffer>();
  for (const [key, value] of extended.own) {
    if (key.startsWith(xattrPrefix)) {
      xattrs.set(key.slice(xattrPrefix.length), value);
    }
  }
  return {
    type,
    path,
    linkPath: extended.linkPath ?? headerLinkPath(block),
    mode: (header.mode ?? 0) & 0o7777,
    uid: extended.number('uid', header.uid) ?? 0,
    gid: extended.number('gid', header.gid) ?? 0,
    // Other writers put the size of the target into links: only files (and unknown types) have content.
    ...(type === 'file' || type === 'unknown' || flag === 'D'
      ? { size: sparseSize ?? size, storedSize: size }
      : { size: 0, storedSize: 0 }),
    modified: time === undefined ? BigInt(Math.trunc(headerSeconds || 0)) * 1_000_000_000n : parsePaxTime(time),
    xattrs,
  };
}

/** The size of a sparse file, which the header's own is not. */
function sparseSizeOf(block: Buffer, flag: string, pax: ReadonlyMap<string, Buffer>): number | undefined {
  if (flag === 'S') {
    return parseOldNumber(block, oldRealSizeAt);
  }
  const text = pax.get('GNU.sparse.realsize') ?? pax.get('GNU.sparse.size');
  return text && parsePaxNumber('size of a sparse file', text.toString('latin1'));
}

/** How the content of a sparse file is laid out, unless it is in the old GNU format; undefined for other files. */
export function sparseContentOf(entry: TarEntry, pax: ReadonlyMap<string, Buffer>): SparseContent | undefined {
  const map = pax.get('GNU.sparse.map');
  if (map) {
    return new SparseContent(entry.size, parseSparseMap(map.toString('latin1')));
  }
  return pax.has('GNU.sparse.major') ? new SparseContent(entry.size) : undefined;
}

import { Header, type HeaderData } from 'tar';
import { type ByteString, toBytes } from '../image/entryPath.js';

export type TarEntryType = 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'FIFO';

/** What is written of an entry; what a tar could say beyond that (names of owners, other times) it does not. */
export interface TarEntryHeader {
  type: TarEntryType;
  /** From the root, without a slash before it; a folder's gets one behind it. */
  path: ByteString;
  /** Of a link: its target. */
  linkPath?: ByteString;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content that follow; 0 but for files. */
  size: number;
  /** Nanoseconds since the epoch. */
  mtimeNs: bigint;
  /** In the order in which they are to be written. */
  xattrs?: ReadonlyMap<string, Buffer>;
}

/** Takes bytes; they stay as they are after the call. */
export type Sink = (bytes: Buffer) => Promise<void>;

const blockSize = 512;
/** What a name's field holds, without the NUL that not every reader goes without. */
const longestName = 99;
const largestId = 0o7777777;
const largestSize = 0o77777777777;
const nanosecondsPerSecond = 1_000_000_000n;

/** The end of an archive: two blocks of zeros, POSIX.1-2017, pax, "ustar Interchange Format". */
export const endOfTar = Buffer.alloc(2 * blockSize);

/**
 * The header of an entry, with a pax extended header before it where ustar has no room for a value. The same entry
 * always gives the same bytes. Fields are encoded by node-tar; pax records are not, since it knows only text.
 */
export function encodeHeader(entry: TarEntryHeader): Buffer {
  const records = paxRecords(entry);
  const header = encodeBlock({
    path: plainName(entry.path),
    type: entry.type,
    mode: entry.mode,
    uid: Math.min(entry.uid, largestId),
    gid: Math.min(entry.gid, largestId),
    size: Math.min(entry.size, largestSize),
    mtime: new Date(Number(wholeSeconds(entry.mtimeNs)) * 1000),
    ...(entry.linkPath === undefined ? {} : { linkpath: plainName(entry.linkPath) }),
  });
  if (records.length === 0) return header;
  const extended = encodeBlock({
    path: 'pax',
    type: 'ExtendedHeader',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: records.length,
    mtime: new Date(0),
  });
  return Buffer.concat([extended, records, padding(records.length), header]);
}

/** What fills the last block of some bytes of content. */
export function padding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}

function encodeBlock(data: HeaderData): Buffer {
  const block = Buffer.alloc(blockSize);
  new Header(data).encode(block);
  return block;
}

function isPlain(name: ByteString): boolean {
  return name.length <= longestName && /^[\x20-\x7e]*$/.test(name);
}

/** A name for readers who do not know pax: the field holds no other bytes and no more of them. */
function plainName(name: ByteString): string {
  return isPlain(name) ? name : name.replace(/[^\x20-\x7e]/g, '_').slice(0, longestName);
}

/** The ustar field has no sign: the time of what is older is in a pax record. */
function wholeSeconds(nanoseconds: bigint): bigint {
  const seconds = nanoseconds / nanosecondsPerSecond;
  return seconds < 0n ? 0n : seconds > BigInt(largestSize) ? BigInt(largestSize) : seconds;
}

function paxRecords({ path, linkPath, uid, gid, size, mtimeNs, xattrs }: TarEntryHeader): Buffer {
  const records: Buffer[] = [];
  const add = (key: string, value: Buffer | string) =>
    records.push(paxRecord(key, typeof value === 'string' ? Buffer.from(value) : value));
  if (!isPlain(path)) add('path', toBytes(path));
  if (linkPath !== undefined && !isPlain(linkPath)) add('linkpath', toBytes(linkPath));
  if (uid > largestId) add('uid', String(uid));
  if (gid > largestId) add('gid', String(gid));
  if (size > largestSize) add('size', String(size));
  if (wholeSeconds(mtimeNs) * nanosecondsPerSecond !== mtimeNs) add('mtime', decimalSeconds(mtimeNs));
  for (const [name, value] of xattrs ?? []) add(`SCHILY.xattr.${name}`, value);
  return Buffer.concat(records);
}

/** `LENGTH KEY=VALUE\n`; the length counts its own digits too. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + String(rest.length).length;
  if (String(length).length > String(rest.length).length) length++;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function decimalSeconds(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? '-' : '';
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = String(absolute % nanosecondsPerSecond)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${absolute / nanosecondsPerSecond}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Archives that no decent tar would write. */
import { Header } from 'tar';

export interface RawEntry {
  name: string | Buffer;
  /** Type flag; default a file. */
  type?: string;
  content?: string | Buffer;
  link?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  /** What the header claims; default the length of the content. */
  size?: number;
  /** Records of an extended header before it. */
  pax?: Record<string, string | Buffer>;
}

const block = 512;

export function header({
  name,
  type = '0',
  content = '',
  link = '',
  mode = 0o755,
  uid = 0,
  gid = 0,
  size,
}: RawEntry): Buffer {
  const bytes = Buffer.alloc(block);
  const claimed = size ?? Buffer.byteLength(content);
  new Header({ path: 'x', mode, uid, gid, size: claimed, mtime: new Date(0), type: 'File' }).encode(bytes);
  bytes.fill(0, 0, 100);
  Buffer.from(name).copy(bytes, 0, 0, 100);
  bytes.fill(0, 157, 257);
  bytes.write(link, 157, 100, 'utf8');
  bytes.write(type, 156, 1, 'latin1');
  return withChecksum(bytes);
}

/** Corrects the checksum of a header that was changed. */
export function withChecksum(bytes: Buffer): Buffer {
  bytes.fill(0x20, 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

/** A pax record, its length counting itself. */
export function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

export function padded(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([bytes, Buffer.alloc((block - (bytes.length % block)) % block)]);
}

export function entry(raw: RawEntry): Buffer {
  const parts: Buffer[] = [];
  if (raw.pax) {
    const records = Buffer.concat(Object.entries(raw.pax).map(([key, value]) => record(key, value)));
    parts.push(header({ name: 'pax', type: 'x', content: records }), padded(records));
  }
  parts.push(header(raw), padded(raw.content ?? ''));
  return Buffer.concat(parts);
}

export function paxArchive(entries: readonly RawEntry[]): Buffer {
  return Buffer.concat([...entries.map(entry), Buffer.alloc(2 * block)]);
}

export type EntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'fifo'
  | 'character device'
  | 'block device'
  /** A type this reader does not know: its body is read over. */
  | 'unknown';

/** One member of an archive. */
export interface TarEntry {
  type: EntryType;
  /** As the archive has it: bytes, not checked. */
  path: Buffer;
  /** Target of a symlink or hardlink, otherwise empty. */
  linkPath: Buffer;
  /** Permission bits with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content. */
  size: number;
  /** Bytes of it in the archive: fewer, or a few more, when the file is sparse. */
  storedSize: number;
  /** Nanoseconds since the epoch. */
  modified: bigint;
  xattrs: ReadonlyMap<string, Buffer>;
}

/** What a reader hands its entries to, one after another: `begin`, `data` as often as needed, `end`. */
export interface EntrySink {
  begin(entry: TarEntry): void;
  /** Bytes are valid only during the call. What lies between two calls is zeros. @param offset in the file */
  data(bytes: Buffer, offset: number): void;
  end(): void;
}

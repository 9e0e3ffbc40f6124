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
  /** Bytes of content that follow. */
  size: number;
  /** Nanoseconds since the epoch. */
  modified: bigint;
  xattrs: ReadonlyMap<string, Buffer>;
}

/** What a reader hands its entries to, one after another: `begin`, `data` as often as needed, `end`. */
export interface EntrySink {
  begin(entry: TarEntry): void;
  /** Valid only during the call. */
  data(bytes: Buffer): void;
  end(): void;
}

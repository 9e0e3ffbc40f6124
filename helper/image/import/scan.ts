import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fstatfs } from '../../../native/bindings/statfs.js';
import { type ArchiveFile, openArchive, readChunks, readHead } from '../archiveFile.js';
import { type Compression, decompress, detectCompression } from '../compression.js';
import { type ByteString, entryComponents } from '../entryPath.js';
import { badInput, cancelled, explained } from '../failure.js';
import { defaultQuota, Quota, type QuotaLimits } from '../quota.js';
import type { FileRange } from '../source.js';
import type { EntrySink, TarEntry } from '../tar/entry.js';
import { TarReader } from '../tar/reader.js';

export interface ScanParams {
  file: string;
  /** An empty folder. Of a compressed archive the files are put there, since they cannot be read in place. */
  scratch: string;
  /** Only files up to this many bytes are wanted: documents, but not layers. */
  largest?: number;
  /** Instead of the defaults, which follow from the free space. */
  quota?: Partial<QuotaLimits>;
}

/** What a tar holds, for those who look for images in it. */
export interface ScanResult {
  /** `root`: everything else. Then the rest was not looked at. */
  kind: 'root' | 'docker-archive' | 'oci-archive';
  /** Whether files are copies in `scratch`, which may be moved. */
  copied: boolean;
  /** By the name in the archive, without `./`. Files that were not wanted have no path. */
  files: { name: ByteString; size: number; range?: FileRange }[];
  /** Symbolic and hard links; their targets as paths from the top of the archive. */
  links: { name: ByteString; target: ByteString }[];
}

export interface ScanProgress {
  phase: 'read';
  doneBytes: number;
  totalBytes: number;
  entries: number;
}

export interface ScanOptions {
  signal?: AbortSignal;
  onProgress?: (progress: ScanProgress) => void;
}

/** Folders of which every usual root file system has at least one, and no archive of images. */
const rootFolders: ReadonlySet<string> = new Set(['bin', 'usr', 'etc', 'sbin', 'lib', 'dev', 'proc']);

/** Archives of images have a few entries for each layer. */
const maximumEntries = 50_000;

/**
 * Looks through a tar, plain or compressed, for images. It is read over once, in constant memory; the content of a
 * plain one is left out.
 * @throws TerrariumError BadInput for what is no usable archive, Unavailable when there is no room.
 */
export async function scanArchive(params: ScanParams, { signal, onProgress }: ScanOptions = {}): Promise<ScanResult> {
  const archive = await openArchive({ path: params.file });
  try {
    const compression = detectCompression(await readHead(archive, 16));
    return await scan(archive, compression, params, signal, onProgress);
  } catch (error) {
    throw signal?.aborted ? cancelled() : explained(error, 'read the archive', params.file);
  } finally {
    await archive.handle.close();
  }
}

async function scan(
  archive: ArchiveFile,
  compression: Compression,
  { file, scratch, largest = Number.MAX_SAFE_INTEGER, quota: limits }: ScanParams,
  signal: AbortSignal | undefined,
  onProgress: ScanOptions['onProgress'],
): Promise<ScanResult> {
  let doneBytes = 0;
  const available = fstatfs(archive.handle.fd).availableBytes;
  const quota = new Quota({ ...defaultQuota(available), entries: maximumEntries, ...limits }, () => doneBytes);
  const sink: ScanSink = new ScanSink(quota, {
    scratch: compression === 'none' ? undefined : scratch,
    largest,
    place: (size) => ({ path: file, offset: reader.bodyOffset, size }),
  });
  const reader = new TarReader(sink);
  const report = () => onProgress?.({ phase: 'read', doneBytes, totalBytes: archive.size, entries: reader.entries });
  const source = async function* () {
    for await (const chunk of readChunks(archive)) {
      signal?.throwIfAborted();
      doneBytes += chunk.length;
      yield chunk;
      report();
    }
  };
  try {
    if (compression === 'none') {
      await scanInPlace(archive, reader, sink, signal);
    } else {
      for await (const chunk of decompress(compression, source())) {
        signal?.throwIfAborted();
        reader.push(chunk);
        quota.setOther(reader.otherBytes);
        if (sink.root) {
          break;
        }
      }
    }
    if (!sink.root) {
      reader.end();
    }
  } finally {
    sink.close();
  }
  return sink.result();
}

const headerRead = 64 * 1024;

/** Reads headers, and goes on behind each content. */
async function scanInPlace(
  { handle, offset, size }: ArchiveFile,
  reader: TarReader,
  sink: ScanSink,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffer = Buffer.alloc(headerRead);
  for (let at = 0; at < size && !sink.root; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset + at);
    if (bytesRead === 0) {
      return;
    }
    reader.push(buffer.subarray(0, bytesRead));
    at += bytesRead;
    const skipped = reader.skipBody();
    if (at + skipped > size) {
      throw badInput('The archive is cut off: it ends within a file', { fix: 'Download or export it again.' });
    }
    at += skipped;
  }
}

interface Spill {
  /** Where files are put; undefined when they can be read in place. */
  scratch: string | undefined;
  largest: number;
  /** Of the file that begins, in the archive. */
  place: (size: number) => FileRange;
}

/** Notes what files there are, and puts those of a compressed archive aside. */
class ScanSink implements EntrySink {
  root = false;
  private readonly files = new Map<ByteString, { size: number; range?: FileRange }>();
  private readonly links = new Map<ByteString, ByteString>();
  private fd: number | undefined;
  private spilled = 0;

  constructor(
    private readonly quota: Quota,
    private readonly spill: Spill,
  ) {}

  begin(entry: TarEntry): void {
    if (this.root) {
      return;
    }
    this.quota.addEntry();
    const components = entryComponents(entry.path);
    const name = components.join('/');
    if (rootFolders.has(components[0] ?? '')) {
      this.root = true;
    } else if (entry.type === 'file' && entry.storedSize === entry.size) {
      this.links.delete(name);
      this.files.set(name, { size: entry.size, ...this.open(entry.size) });
    } else if (entry.type === 'symlink' || entry.type === 'hardlink') {
      this.files.delete(name);
      this.links.set(name, linkTarget(entry, components));
    }
  }

  data(bytes: Buffer): void {
    this.quota.addWritten(bytes.length);
    for (let done = 0; this.fd !== undefined && done < bytes.length; ) {
      done += writeSync(this.fd, bytes, done);
    }
  }

  end(): void {
    this.close();
  }

  close(): void {
    if (this.fd !== undefined) {
      closeSync(this.fd);
      this.fd = undefined;
    }
  }

  result(): ScanResult {
    const copied = this.spill.scratch !== undefined;
    if (this.root) {
      return { kind: 'root', copied, files: [], links: [] };
    }
    return {
      kind: this.kind(),
      copied,
      files: [...this.files].map(([name, file]) => ({ name, ...file })),
      links: [...this.links].map(([name, target]) => ({ name, target })),
    };
  }

  /** `docker save` since version 25 writes both: then the layout, which tells more. */
  private kind(): ScanResult['kind'] {
    if (this.files.has('oci-layout') && this.files.has('index.json')) {
      return 'oci-archive';
    }
    return this.files.has('manifest.json') ? 'docker-archive' : 'root';
  }

  private open(size: number): { range?: FileRange } {
    const { scratch, largest, place } = this.spill;
    if (size > largest) {
      return {};
    }
    if (scratch === undefined) {
      return { range: place(size) };
    }
    this.quota.claimBytes(size);
    const path = join(scratch, `file-${this.spilled++}`);
    this.fd = openSync(path, 'wx', 0o600);
    return { range: { path, offset: 0, size } };
  }
}

/** From the top of the archive: hard links say it so, symbolic links are relative to their folder. */
function linkTarget(entry: TarEntry, components: readonly ByteString[]): ByteString {
  const target = entry.linkPath.toString('latin1');
  const from = entry.type === 'hardlink' || target.startsWith('/') ? [] : components.slice(0, -1);
  const path: ByteString[] = [...from];
  for (const component of target.split('/')) {
    if (component === '..') {
      path.pop();
    } else if (component !== '' && component !== '.') {
      path.push(component);
    }
  }
  return path.join('/');
}

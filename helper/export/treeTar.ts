import { closeSync, fstatSync, readSync } from 'node:fs';
import { capabilityXattr, modeOf, openForReading, targetOf, xattrsOf } from '../changes/attributes.js';
import type { Pace } from '../changes/pace.js';
import { shown } from '../changes/walk.js';
import type { ByteString } from '../image/entryPath.js';
import { failedWith } from '../image/failure.js';
import type { LayerEntry } from '../image/layeredFolder.js';
import { overflowId } from '../inspect/idmap.js';
import { portableCapabilities } from './capabilities.js';
import type { ExportNotes } from './notes.js';
import { encodeHeader, endOfTar, padding, type Sink, type TarEntryHeader } from './tarWriter.js';

const chunkSize = 256 * 1024;

export interface TreeTarOptions {
  notes: ExportNotes;
  pace: Pace;
  /** Owners that have no id here appear as nobody (65534), and become root's. */
  foreignOwners: boolean;
  /** A layer: names that begin with `.wh.` have a meaning there. */
  layer: boolean;
  onEntry?: (bytes: number) => void;
}

/** Writes entries of trees as a tar: what they are is said as it is seen inside, and the same tree gives the same bytes. */
export class TreeTar {
  /** Of content, without repetitions by hard links. */
  bytes = 0;
  entries = 0;
  /** First path of each file with several names. */
  private readonly linked = new Map<string, ByteString>();

  constructor(
    private readonly sink: Sink,
    private readonly options: TreeTarOptions,
  ) {}

  /** @param path absolute in the root. @throws SystemError, and what the sink throws */
  async add(path: ByteString, entry: LayerEntry): Promise<void> {
    const { notes, layer } = this.options;
    if (layer && path.includes('/.wh.')) return notes.add('whiteoutNames', shown(path));
    const { stats } = entry;
    if (stats.isSocket()) return notes.add('sockets', shown(path));
    if (stats.isCharacterDevice() || stats.isBlockDevice()) return notes.add('devices', shown(path));
    if (stats.isFile()) return this.addFile(path, entry);
    const type = stats.isDirectory() ? 'Directory' : stats.isFIFO() ? 'FIFO' : 'SymbolicLink';
    const tarPath = type === 'Directory' ? `${relative(path)}/` : relative(path);
    const target = type === 'SymbolicLink' ? { linkPath: targetOf(entry).toString('latin1') } : {};
    await this.put({ ...this.attributes(path, entry), type, path: tarPath, ...target, size: 0 });
  }

  /** Says that what lower layers have at a path is gone: image-spec layer.md, "Whiteouts". */
  async addWhiteout(path: ByteString): Promise<void> {
    const slash = path.lastIndexOf('/');
    const whiteout = relative(`${path.slice(0, slash)}/.wh.${path.slice(slash + 1)}`);
    await this.put({ type: 'File', path: whiteout, mode: 0, uid: 0, gid: 0, size: 0, mtimeNs: 0n });
  }

  /** To be called once, after the last entry. */
  async end(): Promise<void> {
    await this.sink(endOfTar);
  }

  private async addFile(path: ByteString, entry: LayerEntry): Promise<void> {
    const key = `${entry.stats.dev} ${entry.stats.ino}`;
    const first = entry.stats.nlink > 1n ? this.linked.get(key) : undefined;
    const common = { ...this.attributes(path, entry), path: relative(path) };
    if (first !== undefined) {
      const { xattrs: _, ...rest } = common;
      await this.put({ ...rest, type: 'Link', linkPath: relative(first), size: 0 });
      return;
    }
    const fd = this.open(path, entry);
    if (fd === undefined) return;
    try {
      // Of now: its size is promised by the header, while a running container may write to it.
      const size = Number(fstatSync(fd, { bigint: true }).size);
      await this.put({ ...common, type: 'File', size });
      await this.content(path, fd, size);
      this.bytes += size;
    } finally {
      closeSync(fd);
    }
    if (entry.stats.nlink > 1n) this.linked.set(key, path);
  }

  private open(path: ByteString, entry: LayerEntry): number | undefined {
    try {
      return openForReading(entry);
    } catch (error) {
      // In a folder of this machine that is a root: another user's, whom nobody inside can be.
      if (!failedWith(error, 'EACCES', 'EPERM')) throw error;
      this.options.notes.add('unreadable', shown(path));
      return undefined;
    }
  }

  private async content(path: ByteString, fd: number, size: number): Promise<void> {
    let hasShrunk = false;
    for (let done = 0; done < size; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - done));
      const read = hasShrunk ? 0 : readSync(fd, buffer, 0, buffer.length, done);
      if (read === 0) {
        hasShrunk = true;
        buffer.fill(0);
      }
      const bytes = read === 0 ? buffer : buffer.subarray(0, read);
      await this.sink(bytes);
      done += bytes.length;
      await this.options.pace.step(16);
      this.options.onEntry?.(bytes.length);
    }
    if (hasShrunk) this.options.notes.add('shrunk', shown(path));
    await this.sink(padding(size));
  }

  private async put(header: TarEntryHeader): Promise<void> {
    this.entries++;
    await this.sink(encodeHeader(header));
    this.options.onEntry?.(0);
  }

  private attributes(path: ByteString, entry: LayerEntry) {
    const { stats } = entry;
    const xattrs = xattrsOf(entry);
    const capabilities = xattrs.get(capabilityXattr);
    if (capabilities !== undefined) {
      const portable = portableCapabilities(capabilities);
      if (portable === undefined) this.options.notes.add('capabilities', shown(path));
      if (portable === undefined) xattrs.delete(capabilityXattr);
      else xattrs.set(capabilityXattr, portable);
    }
    return {
      mode: stats.isSymbolicLink() ? 0o777 : modeOf(entry),
      uid: this.owner(path, stats.uid),
      gid: this.owner(path, stats.gid),
      mtimeNs: stats.mtimeNs,
      xattrs,
    };
  }

  private owner(path: ByteString, id: bigint): number {
    if (!this.options.foreignOwners || id !== BigInt(overflowId)) return Number(id);
    this.options.notes.add('owners', shown(path));
    return 0;
  }
}

/** From the root of a tar; the root itself is `.`. */
function relative(path: ByteString): ByteString {
  return path.slice(1) === '' ? '.' : path.slice(1);
}

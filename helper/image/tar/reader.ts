import { badInput } from '../failure.js';
import { composeEntry, sparseContentOf } from './compose.js';
import type { EntrySink, TarEntry } from './entry.js';
import { ExtendedHeaders, isExtended } from './extended.js';
import { blockSize, damaged, decodeHeader, notTar } from './header.js';
import { parseOldPieces, SparseContent } from './sparse.js';

/** A sparse file in the old GNU format, of which more headers follow. */
interface Extension {
  entry: TarEntry;
  pieces: ReturnType<typeof parseOldPieces>;
}

/** Of the old GNU format: what tar.h calls `sp` and `isextended`. */
const oldPiecesAt = 386;
const oldExtendedAt = 482;
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
  private readonly extended = new ExtendedHeaders();

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
    const header = decodeHeader(block, offset, this.extended.path);
    if (header.nullBlock) {
      this.ended = true;
      return;
    }
    const flag = String.fromCharCode(block[156] ?? 0);
    if (isExtended(flag)) {
      const size = header.size ?? Number.NaN;
      this.extended.expect(flag, size, this.offset);
      this.beginBody({ flag, bytes: Buffer.alloc(size), filled: 0 }, size);
      return;
    }
    const { own } = this.extended;
    const entry = composeEntry({ block, header, flag, offset: this.offset }, this.extended);
    this.extended.forget();
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
    this.beginEntry(entry, sparseContentOf(entry, own));
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
      this.extended.apply(this.body.flag, this.body.bytes);
    }
    this.body = 'skipped';
  }
}

import { Decompress } from 'fzstd';
import xxhash, { type XXHash } from 'xxhash-wasm';

/** Small pieces: 4 bytes may become 128 KiB, and all that one push makes is held in memory. */
const piece = 1024;

/**
 * Decompresses Zstandard, for Node before 22.15, which cannot. What does the work looks neither at checksums nor for the
 * end of a frame: both are found here, by RFC 8878, section 3.1.1.
 * @throws Error for damaged data, and data that ends too early.
 */
export async function* unzstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { create64 } = await xxhash();
  const newFrame = () => new Frame(create64());
  let frame = newFrame();
  const walker = new FrameWalker();
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const end = Math.min(at + piece, chunk.length);
      const taken = walker.walk(chunk.subarray(at, end));
      yield* frame.push(chunk.subarray(at, at + taken));
      at += taken;
      if (walker.atEnd) {
        frame.check(walker.checksum);
        frame = newFrame();
      }
    }
  }
  if (!walker.atEnd) {
    throw new Error('unexpected end of data');
  }
}

class Frame {
  private ready: Buffer[] = [];
  private readonly decompressor: Decompress;

  constructor(private readonly hash: XXHash<bigint>) {
    this.decompressor = new Decompress((data) => {
      this.hash.update(data);
      this.ready.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    });
  }

  push(bytes: Buffer): Buffer[] {
    this.decompressor.push(bytes);
    const { ready } = this;
    this.ready = [];
    return ready;
  }

  /** @param expected the low 32 bits of XXH64 over the content, where the frame has them */
  check(expected: number | undefined): void {
    if (expected !== undefined && Number(this.hash.digest() & 0xffffffffn) !== expected) {
      throw new Error('the checksum does not match');
    }
  }
}

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
const blockHeaderSize = 3;
const rle = 1;
const reserved = 3;

type Part = 'magic' | 'descriptor' | 'header' | 'block header' | 'block' | 'checksum' | 'skipped size' | 'skipped';

/** Follows the parts of frames by their lengths. */
class FrameWalker {
  /** Between two frames. */
  atEnd = true;
  /** Of the frame that has just ended. */
  checksum: number | undefined;
  private part: Part = 'magic';
  private left = 4;
  private value = Buffer.alloc(4);
  private filled = 0;
  private checked = false;
  private last = false;

  /** @returns how many of the bytes belong to the frame that is walked through: all, unless it ends before. */
  walk(bytes: Buffer): number {
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(this.left, bytes.length - at);
      this.filled += bytes.copy(
        this.value,
        this.filled,
        at,
        Math.min(at + taken, at + this.value.length - this.filled),
      );
      this.left -= taken;
      at += taken;
      this.atEnd = false;
      while (this.left === 0 && !this.atEnd) {
        this.endPart();
      }
      if (this.atEnd) {
        return at;
      }
    }
    return bytes.length;
  }

  private endPart(): void {
    const { value } = this;
    switch (this.part) {
      case 'magic':
        this.endMagic(value.readUInt32LE());
        return;
      case 'descriptor':
        this.checked = ((value[0] ?? 0) & 0x04) !== 0;
        this.begin('header', headerSize(value[0] ?? 0));
        return;
      case 'header':
        this.begin('block header', blockHeaderSize);
        return;
      case 'block header': {
        const header = value.readUIntLE(0, blockHeaderSize);
        const type = (header >> 1) & 3;
        if (type === reserved) {
          throw new Error('a block of an unknown type');
        }
        this.last = (header & 1) === 1;
        this.begin('block', type === rle ? 1 : header >> 3);
        return;
      }
      case 'block':
        if (!this.last) {
          this.begin('block header', blockHeaderSize);
        } else if (this.checked) {
          this.begin('checksum', 4);
        } else {
          this.end(undefined);
        }
        return;
      case 'checksum':
        this.end(value.readUInt32LE());
        return;
      case 'skipped size':
        this.begin('skipped', value.readUInt32LE());
        return;
      case 'skipped':
        this.end(undefined);
    }
  }

  private endMagic(magic: number): void {
    if (magic === frameMagic) {
      this.begin('descriptor', 1);
    } else if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
      this.begin('skipped size', 4);
    } else {
      throw new Error('no frame where one should begin');
    }
  }

  private begin(part: Part, length: number): void {
    this.part = part;
    this.left = length;
    this.filled = 0;
  }

  private end(checksum: number | undefined): void {
    this.checksum = checksum;
    this.begin('magic', 4);
    this.atEnd = true;
  }
}

/** Bytes of window descriptor, dictionary id and content size. */
function headerSize(descriptor: number): number {
  const single = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (single ? 0 : 1) + dictionary + contentSize;
}

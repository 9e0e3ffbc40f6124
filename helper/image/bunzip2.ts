import bitIterator from 'unbzip2-stream/lib/bit_iterator.js';
import bzip2 from 'unbzip2-stream/lib/bzip2.js';

/** Bytes that a block can take at most, for each 100,000 of its size: 20 bits a symbol. */
const blockInput = 300_000;
const blockOutput = 100_000;
const outputChunk = 256 * 1024;

/**
 * Decompresses bzip2, one block at a time: what the largest one can become (46 MB of zeros) is held in memory.
 * @throws Error for damaged data, and data that ends too early.
 */
export async function* bunzip2(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = new Input(source);
  const bits = bitIterator(() => input.take());
  const buffered = () => input.bytes - bits.bytesRead;
  while (await input.fill(4, buffered)) {
    const size = bzip2.header(bits);
    const block = new Int32Array(blockOutput * size);
    for (let crc: number | null = 0; crc !== null; ) {
      await input.fill(blockInput * size, buffered);
      const output = new Output();
      crc = bzip2.decompress(bits, output.write, block, block.length, crc);
      yield* output.chunks();
    }
  }
}

/** Compressed bytes that have arrived and are not used up. */
class Input {
  /** All that have arrived. */
  bytes = 0;
  private readonly iterator: AsyncIterator<Buffer>;
  private readonly queue: Buffer[] = [];

  constructor(source: AsyncIterable<Buffer>) {
    this.iterator = source[Symbol.asyncIterator]();
  }

  /** Waits until as many bytes are there, or no more come. @returns whether there are any */
  async fill(wanted: number, buffered: () => number): Promise<boolean> {
    while (buffered() < wanted) {
      const { done, value } = await this.iterator.next();
      if (done) {
        break;
      }
      this.queue.push(value);
      this.bytes += value.length;
    }
    return buffered() > 0;
  }

  take(): Buffer {
    const next = this.queue.shift();
    if (!next && this.bytes > 0) {
      throw new Error('unexpected end of data');
    }
    // Asked for once before anything has arrived.
    return next ?? Buffer.alloc(0);
  }
}

class Output {
  private readonly full: Buffer[] = [];
  private current = Buffer.allocUnsafe(outputChunk);
  private fill = 0;

  readonly write = (byte: number): void => {
    if (this.fill === outputChunk) {
      this.full.push(this.current);
      this.current = Buffer.allocUnsafe(outputChunk);
      this.fill = 0;
    }
    this.current[this.fill++] = byte;
  };

  chunks(): Buffer[] {
    return this.fill === 0 ? this.full : [...this.full, this.current.subarray(0, this.fill)];
  }
}

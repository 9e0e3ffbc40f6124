/** The parts of unbzip2-stream that decompress one block at a time; the stream itself keeps a block as an array of numbers. */
declare module 'unbzip2-stream/lib/bzip2.js' {
  /** Reads bits; `null` aligns to the next byte. */
  type BitReader = ((count: number | null) => number) & { bytesRead: number };
  const bzip2: {
    /** Reads the header of a stream. @returns its block size, 1 to 9 */
    header(bits: BitReader): number;
    /**
     * Decompresses a block.
     * @param crc of the blocks before it
     * @returns the CRC including this block, or null after the end of the stream
     */
    decompress(
      bits: BitReader,
      output: (byte: number) => void,
      buffer: Int32Array,
      size: number,
      crc: number,
    ): number | null;
  };
  export default bzip2;
}
declare module 'unbzip2-stream/lib/bit_iterator.js' {
  import type { BitReader } from 'unbzip2-stream/lib/bzip2.js';
  /** @param next is asked for more bytes. */
  export default function bitIterator(next: () => Uint8Array): BitReader;
}

import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';
import * as zlib from 'node:zlib';
import { ResponseError } from 'vscode-jsonrpc';
import { XzReadableStream } from 'xz-decompress';
import { bunzip2 } from './bunzip2.js';
import { badInput, isSystemFailure } from './failure.js';
import { unzstd } from './unzstd.js';

export type Compression = 'none' | 'gzip' | 'xz' | 'zstd' | 'bzip2';

const magicNumbers: readonly (readonly [Exclude<Compression, 'none'>, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/** Formats people may well try, that are no tar: named, so that the error can say what was found. */
const foreignMagicNumbers: readonly (readonly [string, readonly number[]])[] = [
  ['a zip archive', [0x50, 0x4b, 0x03, 0x04]],
  ['a 7-Zip archive', [0x37, 0x7a, 0xbc, 0xaf]],
  ['compressed with lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['compressed with lzip', [0x4c, 0x5a, 0x49, 0x50]],
  ['a squashfs image', [0x68, 0x73, 0x71, 0x73]],
  ['a qcow2 disk image', [0x51, 0x46, 0x49, 0xfb]],
  ['an ELF program', [0x7f, 0x45, 0x4c, 0x46]],
];

/**
 * How an archive is compressed, told by how it begins: names lie.
 * @throws TerrariumError BadInput for well-known formats that cannot be read.
 */
export function detectCompression(head: Buffer): Compression {
  const begins = (magic: readonly number[]) => magic.every((byte, index) => head[index] === byte);
  const foreign = foreignMagicNumbers.find(([, magic]) => begins(magic));
  if (foreign) {
    throw badInput(`The file is not a tar archive: it is ${foreign[0]}`, {
      fix: 'A tar archive is expected: .tar, .tar.gz, .tar.xz, .tar.zst or .tar.bz2.',
    });
  }
  return magicNumbers.find(([, magic]) => begins(magic))?.[0] ?? 'none';
}

/**
 * Decompresses as a stream. gzip, and zstd where this Node has it, run on libuv's threads, beside the consumer.
 * @throws TerrariumError BadInput while iterating, when the data is damaged or cut off; what `source` throws as it is.
 */
export async function* decompress(compression: Compression, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* decompressor(compression)(source);
  } catch (error) {
    if (error instanceof ResponseError || isSystemFailure(error)) {
      throw error;
    }
    const cause = error instanceof Error ? error.message : String(error);
    throw badInput(`The archive is damaged or cut off: its ${compression} data cannot be decompressed`, {
      cause,
      fix: 'Download or export it again.',
    });
  }
}

function decompressor(compression: Compression): (source: AsyncIterable<Buffer>) => AsyncIterable<Buffer> {
  switch (compression) {
    case 'none':
      return (source) => source;
    case 'gzip':
      return (source) => through(source, zlib.createGunzip({ chunkSize }));
    case 'zstd':
      return zstdDecompressor;
    case 'xz':
      return throughXz;
    case 'bzip2':
      return bunzip2;
  }
}

const chunkSize = 256 * 1024;

async function* through(source: AsyncIterable<Buffer>, transform: zlib.Gunzip): AsyncGenerator<Buffer> {
  const piped = pipeline(source, transform);
  // A failure of either end destroys the transform, so that reading it below throws too; this only marks it as seen.
  piped.catch(() => undefined);
  try {
    yield* transform;
  } finally {
    transform.destroy();
  }
  await piped;
}

/** Since Node 22.15; the types of our oldest Node do not know it. */
const createZstdDecompress = (
  zlib as { createZstdDecompress?: (options: { chunkSize: number; params: Record<number, number> }) => zlib.Gunzip }
).createZstdDecompress;

/** Log2 of the largest window we make room for: what `zstd --long` (27) writes. The library's limit is 25. */
const windowLogMaximum = 27;
const ZSTD_d_windowLogMax = 100;

function zstdDecompressor(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  return createZstdDecompress
    ? through(source, createZstdDecompress({ chunkSize, params: { [ZSTD_d_windowLogMax]: windowLogMaximum } }))
    : unzstd(source);
}

async function* throughXz(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const stream = new XzReadableStream(webStream(source));
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    if (chunk.byteLength > 0) {
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    }
  }
}

/** Not `Readable.toWeb`: on Node 20 that fails beyond any catch when its reader stops early. */
function webStream(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let cancelled = false;
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await iterator.next();
      if (cancelled) {
        return;
      }
      if (done) {
        controller.close();
      } else {
        controller.enqueue(value);
      }
    },
    cancel: async () => {
      cancelled = true;
      await iterator.return?.();
    },
  });
}

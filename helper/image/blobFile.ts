import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** What the bytes that went by were. */
export interface Digested {
  /** `sha256:…` */
  digest: string;
  size: number;
}

/** Where the bytes of a layer go, as they are stored: hashed, and kept when there is a file for them. */
export class BlobSink {
  private size = 0;
  private readonly hash: Hash = createHash('sha256');

  private constructor(private readonly file: FileHandle | undefined) {}

  /** @param path of the file that is made; without one the bytes are only hashed. */
  static async create(path: string | undefined): Promise<BlobSink> {
    return new BlobSink(path === undefined ? undefined : await open(path, 'wx', 0o600));
  }

  async write(chunk: Buffer): Promise<void> {
    this.hash.update(chunk);
    this.size += chunk.length;
    for (let done = 0; this.file && done < chunk.length; ) {
      done += (await this.file.write(chunk, done)).bytesWritten;
    }
  }

  /** To be called once. The file is on disk then. */
  async finish(): Promise<Digested> {
    await this.file?.sync();
    return { digest: `sha256:${this.hash.digest('hex')}`, size: this.size };
  }

  async close(): Promise<void> {
    await this.file?.close();
  }
}

/** Fast rather than small: it runs beside another decompressor, which should stay the slower of the two. */
const gzipLevel = 1;
const highWaterMark = 256 * 1024;

/** Compresses a tar into a blob, on libuv's threads. */
export class Recompression {
  private readonly input = new PassThrough({ highWaterMark });
  private readonly done: Promise<void>;
  private failure: unknown;

  constructor(blob: BlobSink) {
    this.done = pipeline(this.input, createGzip({ level: gzipLevel }), async (chunks) => {
      for await (const chunk of chunks as AsyncIterable<Buffer>) {
        await blob.write(chunk);
      }
    });
    // Kept for the next `write` or `end`, which may be long after.
    this.done.catch((error: unknown) => {
      this.failure = error;
    });
  }

  async write(chunk: Buffer): Promise<void> {
    if (!this.input.write(chunk)) {
      await Promise.race([new Promise((resolve) => this.input.once('drain', resolve)), this.done]);
    }
    if (this.failure !== undefined) {
      throw this.failure;
    }
  }

  async end(): Promise<void> {
    this.input.end();
    await this.done;
  }

  destroy(): void {
    this.input.destroy();
  }
}

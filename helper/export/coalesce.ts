import type { Sink } from './tarWriter.js';

const pieceSize = 256 * 1024;

/** Hands on what is written in larger pieces: a tar is mostly small headers. */
export class Coalescer {
  private waiting: Buffer[] = [];
  private size = 0;

  constructor(private readonly sink: Sink) {}

  async write(bytes: Buffer): Promise<void> {
    if (bytes.length > 0) this.waiting.push(bytes);
    this.size += bytes.length;
    if (this.size >= pieceSize) await this.flush();
  }

  /** To be called after the last write. */
  async flush(): Promise<void> {
    const pieces = this.waiting;
    this.waiting = [];
    this.size = 0;
    if (pieces.length > 0)
      await this.sink(pieces.length === 1 ? (pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(pieces));
  }
}

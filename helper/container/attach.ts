/** A client of a monitor's attach socket: docs/stage.md, "Attach". */
import { Socket } from 'node:net';
import { connectUnix } from '../../native/bindings/socket.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import { type Frame, FrameDecoder } from './frame.js';

export interface AttachOptions {
  /** The process waits for this client when it reads slowly, so that no output is lost to it. */
  hold?: boolean;
  /** All the output of this run, from its first byte; without it and without `replay` only what comes from now on. */
  fromStart?: boolean;
  /** The last bytes of the output (frame headers counted), cut at a whole frame. */
  replay?: number;
  /** In place of output a frame each time that mounts of the process change, and one at the begin. */
  mounts?: boolean;
}

/** Input is cut into messages of this size; the monitor refuses more than 64 KiB. */
const inputBytes = 32 * 1024;

/** Messages to the monitor, as bytes. */
export const attachMessages = {
  hello({ hold = false, fromStart = false, replay, mounts = false }: AttachOptions): Buffer {
    const payload = Buffer.alloc(16);
    payload.writeUInt32LE(1, 0);
    payload.writeUInt32LE((hold ? 1 : 0) | (fromStart ? 2 : 0) | (replay === undefined ? 0 : 4) | (mounts ? 8 : 0), 4);
    payload.writeBigUInt64LE(BigInt(replay ?? 0), 8);
    return message(1, payload);
  },
  input: (data: Uint8Array): Buffer => message(2, data),
  endOfInput: (): Buffer => message(3, Buffer.alloc(0)),
  resize(rows: number, columns: number): Buffer {
    const payload = Buffer.alloc(4);
    payload.writeUInt16LE(rows, 0);
    payload.writeUInt16LE(columns, 2);
    return message(4, payload);
  },
  signal(number: number): Buffer {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(number, 0);
    return message(5, payload);
  },
};

function message(type: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(type, 0);
  header.writeUInt32LE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/**
 * A connection to a monitor. Iterate over it, once, for the output; what is not iterated over is not read. It ends
 * after the exit frame or `close()`; a connection that is lost before that throws Unavailable.
 */
export class Attachment implements AsyncIterable<Frame> {
  private left = false;

  private constructor(
    private readonly socket: Socket,
    private readonly path: string,
  ) {}

  /**
   * Connects and says hello. Throws NotFound when nobody listens: the process has ended, and `exit.json` and the
   * output files tell the rest.
   */
  static async connect(path: string, options: AttachOptions = {}): Promise<Attachment> {
    let fd: number;
    try {
      fd = connectUnix(path);
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
      const ended = errno === 'ENOENT' || errno === 'ECONNREFUSED';
      throw terrariumError(
        ended ? ErrorCode.NotFound : ErrorCode.Unavailable,
        ended ? 'There is no process to attach to: it has ended.' : `Cannot attach to the process: ${errno}.`,
        { syscall: 'connect', errno, path },
      );
    }
    const socket = new Socket({ fd, readable: true, writable: true });
    // Errors reach the writer through its callback and the reader through the iterator; unheard they would end us.
    socket.on('error', () => socket.destroy());
    const attachment = new Attachment(socket, path);
    await attachment.send(attachMessages.hello(options));
    return attachment;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Frame> {
    const decoder = new FrameDecoder();
    try {
      for await (const chunk of this.socket as AsyncIterable<Buffer>) {
        for (const frame of decoder.push(chunk)) {
          yield frame;
          if (frame.type === 'exit') return;
        }
      }
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      if (!this.left) throw this.lost(error.code);
    } finally {
      this.socket.destroy();
    }
    if (!this.left) throw this.lost();
  }

  /** Resolves when the bytes are on their way: a process that does not read makes its writer wait. */
  async input(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; at += inputBytes) {
      await this.send(attachMessages.input(data.subarray(at, at + inputBytes)));
    }
  }

  /** A pipe is closed, a terminal is sent its end-of-file character. */
  endInput(): Promise<void> {
    return this.send(attachMessages.endOfInput());
  }

  /** Rows and columns of the terminal. A size of 0 is ignored by the monitor. */
  resize(rows: number, columns: number): Promise<void> {
    return this.send(attachMessages.resize(rows, columns));
  }

  /** A signal to the process, by number. */
  signal(number: number): Promise<void> {
    return this.send(attachMessages.signal(number));
  }

  /** Leaves; the process goes on. */
  close(): void {
    this.left = true;
    this.socket.destroy();
  }

  private send(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(bytes, (error) =>
        error ? reject(this.lost((error as NodeJS.ErrnoException).code)) : resolve(),
      );
    });
  }

  private lost(errno?: string) {
    return terrariumError(ErrorCode.Unavailable, 'The monitor of the process closed the connection.', {
      path: this.path,
      ...(errno === undefined ? {} : { errno }),
      cause: 'It was killed, or too many clients are attached, or this one read too slowly.',
    });
  }
}

function isConnectionError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string';
}

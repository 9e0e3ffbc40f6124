/** Frames of output, as monitors keep them on disk and send them to attached clients: docs/stage.md, "Output". */
import { ErrorCode, terrariumError } from '../protocol/errors.js';

export interface DataFrame {
  type: 'stdout' | 'stderr';
  /** Nanoseconds since the epoch. */
  time: bigint;
  data: Uint8Array;
}
/** Output that is not there any more, or never reached the disk. */
export interface GapFrame {
  type: 'gap';
  time: bigint;
  bytes: bigint;
}
export interface ExitFrame {
  type: 'exit';
  time: bigint;
  /** 128 + `signal` when a signal ended the process. */
  exitCode: number;
  /** 0: none. */
  signal: number;
  oomKilled: boolean;
}
/** To who asked for word of mounts alone: those of the process are others now, or may have been before it was asked. */
export interface MountsFrame {
  type: 'mounts';
  time: bigint;
}
export type Frame = DataFrame | GapFrame | ExitFrame | MountsFrame;

export const frameHeaderBytes = 16;
/** Monitors write at most 16 KiB; a longer payload means that this is no frame. */
export const maximumPayloadBytes = 64 * 1024;

/** One frame at the start of `buffer` and the bytes it takes, or undefined when it is not whole yet. Throws BadInput. */
export function decodeFrame(buffer: Buffer): { frame: Frame; bytes: number } | undefined {
  if (buffer.length < frameHeaderBytes) return undefined;
  const payloadBytes = buffer.readUInt32LE(0);
  if (payloadBytes > maximumPayloadBytes) throw notAFrame(`a payload of ${payloadBytes} bytes`);
  const bytes = frameHeaderBytes + payloadBytes;
  if (buffer.length < bytes) return undefined;
  const time = buffer.readBigUInt64LE(8);
  const payload = buffer.subarray(frameHeaderBytes, bytes);
  return { frame: decodePayload(buffer.readUInt8(4), time, payload), bytes };
}

function decodePayload(type: number, time: bigint, payload: Buffer): Frame {
  switch (type) {
    case 1:
    case 2:
      return { type: type === 1 ? 'stdout' : 'stderr', time, data: payload };
    case 3:
      if (payload.length !== 8) throw notAFrame(`a gap of ${payload.length} bytes`);
      return { type: 'gap', time, bytes: payload.readBigUInt64LE(0) };
    case 4:
      if (payload.length !== 12) throw notAFrame(`an exit of ${payload.length} bytes`);
      return {
        type: 'exit',
        time,
        exitCode: payload.readUInt32LE(0),
        signal: payload.readUInt32LE(4),
        oomKilled: payload.readUInt32LE(8) !== 0,
      };
    case 5:
      if (payload.length !== 0) throw notAFrame(`word of mounts with ${payload.length} bytes`);
      return { type: 'mounts', time };
    default:
      throw notAFrame(`type ${type}`);
  }
}

function notAFrame(what: string) {
  return terrariumError(ErrorCode.BadInput, `This is not the output of a container: ${what}.`);
}

/** Cuts a stream of chunks into frames. Their data are copies: they may be kept. */
export class FrameDecoder {
  private rest: Buffer = Buffer.alloc(0);

  /** The frames that `chunk` completes, in order. Throws BadInput. */
  *push(chunk: Uint8Array): Generator<Frame> {
    this.rest = Buffer.concat([this.rest, chunk]);
    for (let decoded = decodeFrame(this.rest); decoded; decoded = decodeFrame(this.rest)) {
      this.rest = this.rest.subarray(decoded.bytes);
      yield decoded.frame;
    }
  }

  /** Bytes of a frame that has not arrived whole. */
  get pendingBytes(): number {
    return this.rest.length;
  }
}

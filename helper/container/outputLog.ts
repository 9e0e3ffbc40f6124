/** Reads what a monitor has kept of its process's output: `output` and, after a rotation, `output.old` before it. */
import { type FileHandle, open } from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { LogEntry } from '../protocol/requests.js';
import { decodeFrame, type Frame, frameHeaderBytes, maximumPayloadBytes } from './frame.js';

export interface OutputReading {
  /** Data and gap frames in order; never an exit frame. */
  frames: Exclude<Frame, { type: 'exit' | 'mounts' }>[];
  /** Offset in the stream where the next call goes on: just behind the last frame, and the present end if all is read. */
  next: bigint;
}

interface LogFile {
  handle: FileHandle;
  /** Offset in the stream of the first frame. */
  base: bigint;
}

const magic = 0x54554f54;
const fileHeaderBytes = 16;
const readBytes = 256 * 1024;

/**
 * Whole frames from offset `from` of the stream on (0, or the `next` of an earlier call), about `limit` bytes of them
 * (at least one frame when there is one). What rotation has already dropped is one gap frame. A directory without
 * output gives none. Throws BadInput when a file is not of ours or `from` is not where a frame begins.
 */
export async function readOutput(directory: string, from = 0n, limit = 1024 * 1024): Promise<OutputReading> {
  const files = await openFiles(directory);
  try {
    const reading: OutputReading = { frames: [], next: from };
    let left = limit;
    for (const [index, file] of files.entries()) {
      if (left <= 0) break;
      if (reading.next < file.base) {
        reading.frames.push({ type: 'gap', time: 0n, bytes: file.base - reading.next });
        reading.next = file.base;
      }
      // The end of the older file is where the newer one begins: `from` belongs to one of them.
      const newer = files[index + 1];
      if (newer && reading.next >= newer.base) continue;
      left -= await readFrames(file, reading, left);
    }
    return reading;
  } finally {
    await Promise.all(files.map(({ handle }) => handle.close()));
  }
}

/** Appends frames of one file to `reading`, and returns their bytes. */
async function readFrames(file: LogFile, reading: OutputReading, limit: number): Promise<number> {
  // A whole frame always fits, also when the limit is smaller.
  const buffer = Buffer.alloc(Math.min(Math.max(limit, frameHeaderBytes + maximumPayloadBytes), readBytes));
  let taken = 0;
  while (taken < limit) {
    const position = Number(reading.next - file.base) + fileHeaderBytes;
    const { bytesRead } = await file.handle.read(buffer, 0, buffer.length, position);
    let at = 0;
    while (taken < limit) {
      const decoded = decodeFrame(buffer.subarray(at, bytesRead));
      if (!decoded) break;
      at += decoded.bytes;
      taken += decoded.bytes;
      const { frame } = decoded;
      if (frame.type === 'exit' || frame.type === 'mounts') throw notOutput(`a frame of type ${frame.type} in a file`);
      reading.frames.push('data' in frame ? { ...frame, data: Uint8Array.from(frame.data) } : frame);
    }
    // What is left over is nothing, or a frame that the monitor is just writing.
    if (at === 0) break;
    reading.next += BigInt(at);
  }
  return taken;
}

/** Oldest first. Between the two renames of a rotation there is no `output`: then once more. */
async function openFiles(directory: string): Promise<LogFile[]> {
  for (let attempt = 0; ; attempt++) {
    // The newer one first: a rotation between the two opens then shows one file twice, and loses none.
    const output = await openFile(path.join(directory, 'output'));
    const old = await openFile(path.join(directory, 'output.old')).catch(async (error: unknown) => {
      await output?.handle.close();
      throw error;
    });
    if (!output && old && attempt < 10) {
      await old.handle.close();
      await delay(2);
      continue;
    }
    if (output && old && old.base >= output.base) {
      await old.handle.close();
      return [output];
    }
    return [old, output].filter((file) => file !== undefined);
  }
}

async function openFile(file: string): Promise<LogFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const header = Buffer.alloc(fileHeaderBytes);
  const { bytesRead } = await handle.read(header, 0, fileHeaderBytes, 0);
  if (bytesRead === fileHeaderBytes && header.readUInt32LE(0) === magic && header.readUInt32LE(4) === 1) {
    return { handle, base: header.readBigUInt64LE(8) };
  }
  await handle.close();
  throw notOutput(file);
}

function notOutput(what: string) {
  return terrariumError(ErrorCode.BadInput, `This is not the output of a container: ${what}.`);
}

/** As `container/logs` answers. The data of a gap are the number of lost bytes, in decimal. */
export function toLogEntry(frame: OutputReading['frames'][number]): LogEntry {
  const data = frame.type === 'gap' ? Buffer.from(String(frame.bytes)) : Buffer.from(frame.data);
  return { stream: frame.type, time: String(frame.time), data: data.toString('base64') };
}

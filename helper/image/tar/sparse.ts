import { badInput } from '../failure.js';
import { parsePaxNumber } from './pax.js';

/** Where a piece of a sparse file belongs; between the pieces it reads as zeros. */
interface Piece {
  offset: number;
  size: number;
}

const blockSize = 512;
/** Pieces of a file: the map of each is held in memory. */
const maximumPieces = 100_000;
/** Digits of an offset or size. */
const longestNumber = 20;

/**
 * Puts the bytes that an archive stores of a sparse file in their places: GNU tar's manual, "Storing Sparse Files".
 * The map is in the headers (old GNU format, pax 0.1), or precedes the bytes (pax 1.0).
 */
export class SparseContent {
  private pieces: Piece[] | undefined;
  /** Of a map that precedes the bytes: its numbers so far, the line that has not ended, and how long it is. */
  private readonly numbers: number[] = [];
  private line = '';
  private mapBytes = 0;
  private at = 0;
  private filled = 0;

  /** @param size of the file. @param pieces unless they precede the bytes */
  constructor(
    private readonly size: number,
    pieces?: Piece[],
  ) {
    this.pieces = pieces && checked(pieces, size);
  }

  /** @throws TerrariumError BadInput for bytes without a place */
  place(bytes: Buffer, write: (bytes: Buffer, offset: number) => void): void {
    let rest = this.pieces ? bytes : this.readMap(bytes);
    for (let piece = this.pieces?.[this.at]; piece && rest.length > 0; piece = this.pieces?.[this.at]) {
      const part = rest.subarray(0, piece.size - this.filled);
      if (part.length > 0) {
        write(part, piece.offset + this.filled);
      }
      rest = rest.subarray(part.length);
      this.filled += part.length;
      if (this.filled === piece.size) {
        this.at++;
        this.filled = 0;
      }
    }
    if (rest.length > 0 && this.pieces) {
      throw damagedMap('it has more content than its map');
    }
  }

  /** To be called after the last byte. @throws TerrariumError BadInput when some are missing */
  end(): void {
    if (!this.pieces?.slice(this.at).every(({ size }) => size === this.filled)) {
      throw damagedMap('it has less content than its map');
    }
  }

  /**
   * Lines of decimal numbers: how many pieces, then offset and size of each; filled up to a block. Each is looked at once,
   * however the bytes are cut. @returns what follows the map
   */
  private readMap(bytes: Buffer): Buffer {
    let at = 0;
    while (this.numbers.length < 1 + 2 * (this.numbers[0] ?? 0)) {
      const newline = bytes.indexOf(0x0a, at);
      this.line += bytes.toString('latin1', at, newline === -1 ? bytes.length : newline);
      if (this.line.length > longestNumber) {
        throw damagedMap('its map does not end');
      }
      if (newline === -1) {
        this.mapBytes += bytes.length;
        return Buffer.alloc(0);
      }
      this.addNumber(parsePaxNumber('number in a sparse map', this.line));
      this.line = '';
      at = newline + 1;
    }
    const filling = (blockSize - ((this.mapBytes + at) % blockSize)) % blockSize;
    const end = Math.min(at + filling, bytes.length);
    this.mapBytes += end;
    if (this.mapBytes % blockSize === 0) {
      this.pieces = checked(piecesOf(this.numbers.slice(1)), this.size);
    }
    return bytes.subarray(end);
  }

  private addNumber(number: number): void {
    if (this.numbers.length === 0 && number > maximumPieces) {
      throw damagedMap(`its map has ${number} pieces`);
    }
    this.numbers.push(number);
  }
}

/** The map of pax 0.1: `offset,size,offset,size…` */
export function parseSparseMap(text: string): Piece[] {
  const numbers = text === '' ? [] : text.split(',').map((number) => parsePaxNumber('GNU.sparse.map', number));
  if (numbers.length % 2 !== 0 || numbers.length > 2 * maximumPieces) {
    throw damagedMap('its map is not in pairs');
  }
  return piecesOf(numbers);
}

/** Offset and size of each, in a row. */
function piecesOf(numbers: readonly number[]): Piece[] {
  return Array.from({ length: numbers.length / 2 }, (_, at) => ({
    offset: numbers[2 * at] ?? 0,
    size: numbers[2 * at + 1] ?? 0,
  }));
}

/** Pieces in a header of the old GNU format: four in the first (at byte 386), 21 in each that extends it. */
export function parseOldPieces(block: Buffer, start: number, count: number): Piece[] {
  const pieces: Piece[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + 24 * index;
    if (block[at] === 0) {
      break;
    }
    pieces.push({ offset: parseOldNumber(block, at), size: parseOldNumber(block, at + 12) });
  }
  return pieces;
}

/** Twelve bytes: octal digits, or base 256 where those do not suffice. @throws TerrariumError BadInput */
export function parseOldNumber(block: Buffer, at: number): number {
  const field = block.subarray(at, at + 12);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const value = Number(field.readBigUInt64BE(4));
    if (!Number.isSafeInteger(value) || field.subarray(1, 4).some((byte) => byte !== 0)) {
      throw damagedMap('a number in it is too large');
    }
    return value;
  }
  const digits = /^ *([0-7]*)[ \0]*$/.exec(field.toString('latin1'))?.[1];
  if (digits === undefined) {
    throw damagedMap('a number in it is none');
  }
  return Number.parseInt(digits || '0', 8);
}

function checked(pieces: Piece[], size: number): Piece[] {
  let end = 0;
  for (const piece of pieces) {
    if (piece.offset < end || piece.offset + piece.size > size) {
      throw damagedMap('pieces in its map overlap or exceed its size');
    }
    end = piece.offset + piece.size;
  }
  return pieces;
}

function damagedMap(what: string) {
  return badInput(`The archive is damaged: it holds a sparse file, and ${what}`);
}

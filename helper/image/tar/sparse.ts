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
/** Digits of an offset or size, with its newline. */
const longestNumber = 20;

/**
 * Puts the bytes that an archive stores of a sparse file in their places: GNU tar's manual, "Storing Sparse Files".
 * The map is in the headers (old GNU format, pax 0.1), or precedes the bytes (pax 1.0).
 */
export class SparseContent {
  private pieces: Piece[] | undefined;
  private map = Buffer.alloc(0);
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

  /** Lines of decimal numbers: how many pieces, then offset and size of each; filled up to a block. */
  private readMap(bytes: Buffer): Buffer {
    this.map = Buffer.concat([this.map, bytes]);
    const numbers = completeLines(this.map);
    const [count] = numbers;
    if (count === undefined) {
      return this.wait(longestNumber);
    }
    if (count.value > maximumPieces) {
      throw damagedMap(`its map has ${count.value} pieces`);
    }
    const last = numbers[2 * count.value];
    if (!last) {
      return this.wait((2 * count.value + 1) * longestNumber);
    }
    const end = Math.ceil(last.end / blockSize) * blockSize;
    if (this.map.length < end) {
      return this.wait(end);
    }
    const pieces: Piece[] = [];
    for (let index = 1; index <= 2 * count.value; index += 2) {
      pieces.push({ offset: numbers[index]?.value ?? 0, size: numbers[index + 1]?.value ?? 0 });
    }
    this.pieces = checked(pieces, this.size);
    return this.map.subarray(end);
  }

  private wait(longest: number): Buffer {
    if (this.map.length > longest + blockSize + 2 * maximumPieces * longestNumber) {
      throw damagedMap('its map does not end');
    }
    return Buffer.alloc(0);
  }
}

/** The map of pax 0.1: `offset,size,offset,size…` */
export function parseSparseMap(text: string): Piece[] {
  const numbers = text === '' ? [] : text.split(',').map((number) => parsePaxNumber('GNU.sparse.map', number));
  if (numbers.length % 2 !== 0 || numbers.length > 2 * maximumPieces) {
    throw damagedMap('its map is not in pairs');
  }
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

function completeLines(map: Buffer): { value: number; end: number }[] {
  const numbers: { value: number; end: number }[] = [];
  for (let at = 0; numbers.length <= 2 * maximumPieces; ) {
    const newline = map.indexOf(0x0a, at);
    if (newline === -1) {
      break;
    }
    const text = map.toString('latin1', at, newline);
    // What follows the map is no number: it may be the filling, or content.
    if (numbers.length > 0 && numbers.length > 2 * (numbers[0]?.value ?? 0)) {
      break;
    }
    numbers.push({ value: parsePaxNumber('number in a sparse map', text), end: newline + 1 });
    at = newline + 1;
  }
  return numbers;
}

function damagedMap(what: string) {
  return badInput(`The archive is damaged: it holds a sparse file, and ${what}`);
}

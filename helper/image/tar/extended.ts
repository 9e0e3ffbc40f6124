import { damaged, untilNul } from './header.js';
import { parsePaxNumber, parsePaxRecords } from './pax.js';

/** Longest extended headers of an entry: a path and several extended attributes of 64 KiB fit. */
const maximumBytes = 1024 * 1024;

/** Headers that say more of the entry that follows, or (`g`) of all that follow: those of pax, and GNU's for long names. */
export function isExtended(flag: string): boolean {
  return 'xgXLKN'.includes(flag);
}

/** What extended headers say of the next entry. */
export class ExtendedHeaders {
  private longPath: Buffer | undefined;
  private longLinkPath: Buffer | undefined;
  private records = new Map<string, Buffer>();
  private readonly global = new Map<string, Buffer>();
  /** Bytes of extended headers: since the last entry, and of global ones. */
  private readonly held = { entry: 0, global: 0 };

  /**
   * To be called before one is read. They stay in memory until their entry comes, global ones to the end: many must not be
   * more than one may be. @throws TerrariumError BadInput
   */
  expect(flag: string, size: number, offset: number): void {
    if (!(size >= 0 && size <= maximumBytes)) {
      throw damaged(`an extended header of ${size} bytes`, offset);
    }
    const scope = flag === 'g' ? 'global' : 'entry';
    this.held[scope] += size;
    if (this.held[scope] > maximumBytes) {
      throw damaged(`extended headers of ${this.held[scope]} bytes together`, offset);
    }
  }

  /** Takes one. @throws TerrariumError BadInput */
  apply(flag: string, bytes: Buffer): void {
    switch (flag) {
      case 'L':
      case 'N':
        this.longPath = untilNul(bytes);
        break;
      case 'K':
        this.longLinkPath = untilNul(bytes);
        break;
      case 'g':
        for (const [key, value] of parsePaxRecords(bytes)) {
          // One name or size for every entry makes no sense; git, the usual writer of these, only sets a comment.
          if (!['path', 'linkpath', 'size'].includes(key)) {
            this.global.set(key, value);
          }
        }
        break;
      default:
        // Of several the last counts alone, as for GNU tar and Go: with others, others would find other entries.
        this.records = parsePaxRecords(bytes);
    }
  }

  /** To be called once the entry is known: they say nothing of the one after it. */
  forget(): void {
    this.longPath = undefined;
    this.longLinkPath = undefined;
    this.records = new Map();
    this.held.entry = 0;
  }

  /** The records of pax that are about the next entry alone. */
  get own(): ReadonlyMap<string, Buffer> {
    return this.records;
  }

  get path(): Buffer | undefined {
    return this.records.get('GNU.sparse.name') ?? this.records.get('path') ?? this.longPath;
  }

  get linkPath(): Buffer | undefined {
    return this.records.get('linkpath') ?? this.longLinkPath;
  }

  /** A record of pax, also one of a global header. */
  text(key: string): string | undefined {
    return (this.records.get(key) ?? this.global.get(key))?.toString('latin1');
  }

  /** The same as a size or an id. @throws TerrariumError BadInput */
  number(key: string, fallback: number | undefined): number | undefined {
    const value = this.text(key);
    return value === undefined ? fallback : parsePaxNumber(key, value);
  }
}

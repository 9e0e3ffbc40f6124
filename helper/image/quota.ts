import { ErrorCode, terrariumError } from '../protocol/errors.js';
import { badInput } from './failure.js';

/** How much an archive may become. */
export interface QuotaLimits {
  /** Bytes of content, unpacked. */
  bytes: number;
  entries: number;
  /** Folders, each of which is remembered until the end to get its times. */
  folders: number;
  /** Unpacked bytes per byte of archive, once `ratioFrom` bytes are unpacked. */
  ratio: number;
  ratioFrom: number;
}

const gibibyte = 2 ** 30;

/**
 * Real images unpack to 2 to 10 times their archive and have up to some 300,000 entries: these stop only bombs.
 * @param availableBytes free where it is unpacked; 1 GiB of it, or a tenth if that is less, is left free.
 */
export function defaultQuota(availableBytes: number): QuotaLimits {
  return {
    bytes: availableBytes - Math.min(gibibyte, availableBytes / 10),
    entries: 5_000_000,
    folders: 1_000_000,
    ratio: 300,
    ratioFrom: gibibyte,
  };
}

/** Counts while an archive is unpacked, and stops it in time. */
export class Quota {
  /** Of content, as entries claim. */
  bytes = 0;
  entries = 0;
  private written = 0;
  private other = 0;
  private folders = 0;

  /** @param archiveBytes how much of the archive has been read so far. */
  constructor(
    private readonly limits: QuotaLimits,
    private readonly archiveBytes: () => number,
  ) {}

  addEntry(): void {
    if (++this.entries > this.limits.entries) {
      throw bomb(`it holds more than ${this.limits.entries} entries`);
    }
  }

  addFolder(): void {
    if (++this.folders > this.limits.folders) {
      throw bomb(`it holds more than ${this.limits.folders} folders`);
    }
  }

  /** To be asked with the size an entry claims, before anything of it is written. */
  claimBytes(count: number): void {
    this.bytes += count;
    if (this.bytes > this.limits.bytes) {
      throw terrariumError(ErrorCode.Unavailable, 'The archive unpacks to more than there is room for', {
        errno: 'ENOSPC',
        cause: `It unpacks to at least ${inGibibytes(this.bytes)}, and ${inGibibytes(this.limits.bytes)} may be used.`,
        fix: 'Free some space, or keep images on a larger disk by setting XDG_DATA_HOME.',
      });
    }
  }

  /** To be told what came out of the archive. A claim says nothing of that: the content is yet to be read. */
  addWritten(count: number): void {
    this.written += count;
    this.checkRatio();
  }

  /**
   * To be told what came out that is no content, such as zeros behind the end: it takes no room, but time.
   * @param total so far
   */
  setOther(total: number): void {
    this.other = total;
    this.checkRatio();
  }

  private checkRatio(): void {
    const { ratio, ratioFrom } = this.limits;
    const unpacked = this.written + this.other;
    if (unpacked > ratioFrom && unpacked > ratio * this.archiveBytes()) {
      throw bomb(`it unpacks to more than ${ratio} times its size`);
    }
  }
}

function bomb(what: string) {
  return badInput(`The archive was refused: ${what}`, {
    cause: 'Archives like this are made to fill disks; root file systems are far from it.',
    fix: 'If you trust it, unpack it yourself and use the folder as root.',
  });
}

function inGibibytes(bytes: number): string {
  return `${(bytes / gibibyte).toFixed(1)} GiB`;
}

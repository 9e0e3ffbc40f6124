import type { ByteString } from '../image/entryPath.js';
import type { Found, LayerEntry } from '../image/layeredFolder.js';
import type { Change, ChangeList } from '../protocol/files.js';
import { type Difference, kindOf, wasCopiedUp } from './attributes.js';
import type { Pace } from './pace.js';
import type { ChangeSource } from './protocol.js';
import { findRenames, type MovedFile } from './renames.js';
import type { StartTraces } from './startTraces.js';
import { visitAdded, visitMerged } from './trees.js';
import { type ChangeVisitor, shown, walkChanges } from './walk.js';

/**
 * What a container changed, by path; at most `limit` changes.
 * @throws SystemError, TerrariumError
 */
export async function listChanges(source: ChangeSource, limit: number, pace: Pace): Promise<ChangeList> {
  const listing = new Listing(limit, pace);
  await walkChanges(source, listing, pace);
  const { changes, arrivals, departures } = listing;
  const truncated = changes.size > limit;
  // Of a part alone, "the only one like it" cannot be said.
  for (const { from, to } of truncated ? [] : await findRenames(source, arrivals, departures, pace)) {
    const change = changes.get(to);
    if (change !== undefined) changes.set(to, { ...change, kind: 'renamed', from: shown(from) });
    changes.delete(from);
  }
  const sorted = [...changes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
  return truncated ? { changes: sorted.slice(0, limit), truncated } : { changes: sorted };
}

class Listing implements ChangeVisitor {
  readonly changes = new Map<ByteString, Change>();
  /** Regular files that may have been elsewhere before, and those that are no longer where they were. */
  readonly arrivals: MovedFile[] = [];
  readonly departures: MovedFile[] = [];

  constructor(
    private readonly limit: number,
    private readonly pace: Pace,
  ) {}

  isFull(): boolean {
    return this.changes.size > this.limit;
  }

  async added(path: ByteString, entry: LayerEntry, traces: StartTraces): Promise<void> {
    if (mayHaveMoved(entry) && wasCopiedUp(entry)) this.arrivals.push(movedFile(path, entry));
    this.record(path, entry, { kind: 'added' }, await this.sizeAdded(path, entry, traces));
  }

  async deleted(path: ByteString, lower: Found): Promise<void> {
    if (mayHaveMoved(lower)) this.departures.push(movedFile(path, lower));
    let bytes = 0n;
    const visit = async (_: ByteString, entry: LayerEntry) => {
      bytes += sizeOf(entry);
    };
    await visitMerged(path, lower, { pace: this.pace, visit });
    this.record(path, lower, { kind: 'deleted' }, bytes);
  }

  async modified(path: ByteString, entry: LayerEntry, what: Difference[], traces: StartTraces): Promise<void> {
    const bytes = what.includes('type') ? await this.sizeAdded(path, entry, traces) : sizeOf(entry);
    this.record(path, entry, { kind: 'modified', what }, bytes);
  }

  private async sizeAdded(path: ByteString, entry: LayerEntry, traces: StartTraces): Promise<bigint> {
    let bytes = 0n;
    const visit = async (_: ByteString, inside: LayerEntry) => {
      bytes += sizeOf(inside);
    };
    await visitAdded(path, entry, { traces, pace: this.pace, visit });
    return bytes;
  }

  private record(path: ByteString, entry: LayerEntry, change: Pick<Change, 'kind' | 'what'>, bytes: bigint): void {
    this.changes.set(path, { path: shown(path), entry: kindOf(entry), sizeBytes: Number(bytes), ...change });
  }
}

function sizeOf({ stats }: LayerEntry): bigint {
  return stats.isFile() ? stats.size : 0n;
}

/** An empty file looks like any other. */
function mayHaveMoved({ stats }: LayerEntry): boolean {
  return stats.isFile() && stats.size > 0n;
}

function movedFile(path: ByteString, { stats }: LayerEntry): MovedFile {
  return { path, size: stats.size, mtimeNs: stats.mtimeNs };
}

import { closeSync, fstatSync, openSync } from 'node:fs';
import type { ChangeSource } from '../changes/protocol.js';
import { lookUpPath } from '../changes/renames.js';
import { type StartTraces, startTracesOf } from '../changes/startTraces.js';
import { checkTop, isFresh } from '../changes/walk.js';
import type { ByteString } from '../image/entryPath.js';
import { failedWith } from '../image/failure.js';
import { closeFound, type Found, LayeredFolder } from '../image/layeredFolder.js';
import type { TreeSource } from './protocol.js';

/** A root file system as it is seen inside, read from its layers: nothing has to be mounted for it. */
export class MergedTree {
  private constructor(
    private readonly layers: LayeredFolder,
    /** What its start made must not be mistaken for what was there before. */
    private readonly container: { lower: LayeredFolder; traces: StartTraces } | undefined,
    /** The root, with the attributes that were meant. */
    readonly root: Found,
  ) {}

  /** The caller closes it. @throws SystemError */
  static open({ layers, changes }: TreeSource): MergedTree {
    const started = changes !== undefined && exists(changes.top) ? changes : undefined;
    const tree = LayeredFolder.open(started === undefined ? layers : layersOf(started));
    const lower = started === undefined ? undefined : LayeredFolder.open(started.lower);
    try {
      if (started !== undefined) checkTop(started);
      const container = started && lower && { lower, traces: startTracesOf(started) };
      const top = { fd: tree.fd, stats: fstatSync(tree.fd, { bigint: true }), folder: tree };
      // The start makes the folder of a writable layer, and what it is like is then seen.
      const isOurs = started?.kind === 'layer' && lower !== undefined && isFresh(top);
      const shown = isOurs ? { fd: lower.fd, stats: fstatSync(lower.fd, { bigint: true }) } : top;
      return new MergedTree(tree, container, { ...shown, folder: tree });
    } catch (error) {
      tree.close();
      lower?.close();
      throw error;
    }
  }

  /** Whether the start of the container made it, and nothing that it was made from has it. */
  isTrace(path: ByteString, found: Found): boolean {
    if (this.container?.traces.isOurs(path, found) !== true) return false;
    const below = lookUpPath(this.container.lower, path);
    if (below === undefined) return true;
    closeFound(below);
    return false;
  }

  close(): void {
    this.layers.close();
    this.container?.lower.close();
  }
}

function layersOf(changes: ChangeSource): string[] {
  return changes.kind === 'merged' ? [changes.top] : [changes.top, ...changes.lower];
}

function exists(folder: string): boolean {
  try {
    closeSync(openSync(folder, 'r'));
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false;
    throw error;
  }
}

import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { O_PATH, openat2, RESOLVE_NO_SYMLINKS } from '../../native/bindings/openat2.js';
import { type ByteString, toBytes } from '../image/entryPath.js';
import { failedWith } from '../image/failure.js';
import {
  closeFound,
  type Found,
  type LayerEntry,
  LayeredFolder,
  LayerFolder,
  namesIn,
  openEntry,
  openUnlessMounted,
} from '../image/layeredFolder.js';
import { isAlive } from '../inspect/stat.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import { type Difference, differences, modeOf, targetOf, xattrsOf } from './attributes.js';
import type { Pace } from './pace.js';
import type { ChangeSource, ComposedPlace } from './protocol.js';
import { joined, type StartTraces, startTracesOf } from './startTraces.js';
import { deepest, tooDeep } from './trees.js';

/** Is told of every change, folder by folder, names in the order of bytes. What it is given is closed afterwards. */
export interface ChangeVisitor {
  /** Not told of what is in an added folder: see `traces` for what of it the start made. */
  added(path: ByteString, entry: LayerEntry, traces: StartTraces): Promise<void>;
  deleted(path: ByteString, lower: Found): Promise<void>;
  /** When the type is another one, what is in the new or the old folder is not told. */
  modified(path: ByteString, entry: LayerEntry, what: Difference[], traces: StartTraces): Promise<void>;
  /** Nothing but its times, or its having further names, is different. */
  touched?(path: ByteString, entry: LayerEntry): Promise<void>;
  /** True: nothing more is wanted. */
  isFull?(): boolean;
}

/**
 * Compares a container's writable layer with what lies below it. How the layer came to be makes no difference: what was
 * copied up and is the same is no change, and a folder that was removed and made again is compared name by name.
 * @throws SystemError, TerrariumError BadInput for folders nested too deep, and what the visitor throws
 */
export async function walkChanges(source: ChangeSource, visitor: ChangeVisitor, pace: Pace): Promise<void> {
  const top = openFolder(source.top);
  // Never started: nothing was written.
  if (top === undefined) return;
  try {
    checkTop(source);
    const lower = source.lower.length === 0 ? undefined : LayeredFolder.open(source.lower);
    try {
      await new Walk(source, visitor, pace, startTracesOf(source)).root('/', top, lower);
    } finally {
      lower?.close();
    }
  } finally {
    closeSync(top);
  }
}

function openFolder(path: string): number | undefined {
  try {
    return openSync(path, O_PATH | constants.O_DIRECTORY);
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** To be called once `top` is open: it is the root of the process that was meant only if that one still lives. @throws NotFound */
export function checkTop({ init }: ChangeSource): void {
  if (init !== undefined && !isAlive(init)) {
    throw terrariumError(ErrorCode.NotFound, `Process ${init.pid} has ended, and with it what it wrote to memory`);
  }
}

class Walk {
  private readonly places: ReadonlyMap<ByteString, ComposedPlace>;
  private depth = 0;

  constructor(
    private readonly source: ChangeSource,
    private readonly visitor: ChangeVisitor,
    private readonly pace: Pace,
    private readonly traces: StartTraces,
  ) {
    this.places = new Map(
      Object.entries(source.places ?? {}).map(([path, place]) => [Buffer.from(path).toString('latin1'), place]),
    );
  }

  /** The root of an overlay: the start makes the layer's own folder, whose attributes are then seen. */
  async root(path: ByteString, fd: number, lower: LayeredFolder | undefined): Promise<void> {
    const entry = { fd, stats: fstatSync(fd, { bigint: true }) };
    if (lower !== undefined && !isFresh(entry)) {
      const below = { fd: lower.fd, stats: fstatSync(lower.fd, { bigint: true }) };
      const what = await differences(entry, below, this.comparison);
      if (what.length > 0) await this.visitor.modified(path, entry, what, this.traces);
    }
    await this.folder(path, fd, lower);
  }

  private get comparison() {
    return { pace: this.pace, foreignOwners: this.source.foreignOwners };
  }

  /** @returns whether the start made something in it. */
  private async folder(path: ByteString, fd: number, lower: LayeredFolder | undefined): Promise<boolean> {
    if (++this.depth > deepest) throw tooDeep(path);
    const layer = new LayerFolder(fd);
    const hidesLower = this.source.kind === 'merged' || layer.mark === 'y';
    let started = false;
    const below = lower === undefined ? new Set<ByteString>() : namesBelow(lower);
    const names = namesIn(fd);
    for (const name of hidesLower ? [...new Set([...names, ...(below ?? [])])].sort() : names) {
      if (this.visitor.isFull?.() === true) break;
      await this.pace.step();
      const at = joined(path, name);
      const place = this.places.get(at);
      // Asking each lower layer for what none has would be most of the work.
      const lowerOfName = below?.has(name) === false ? undefined : lower;
      const isOurs =
        place === undefined ? await this.entry(at, name, layer, lowerOfName) : await this.place(at, name, layer, place);
      started ||= isOurs;
    }
    this.depth--;
    return started;
  }

  private async entry(
    path: ByteString,
    name: ByteString,
    layer: LayerFolder,
    lower: LayeredFolder | undefined,
  ): Promise<boolean> {
    const top = openUnlessMounted(layer.fd, name);
    // What is mounted is not the container's own: its content, and what it covers, are not compared.
    if (top === 'mounted') return false;
    try {
      const below = lower?.lookUp(name);
      try {
        if (top === undefined || layer.isWhiteout(top)) {
          if (below !== undefined) await this.visitor.deleted(path, below);
          return false;
        }
        return await this.compared(path, top, below);
      } finally {
        if (below !== undefined) closeFound(below);
      }
    } finally {
      if (top !== undefined) closeSync(top.fd);
    }
  }

  /** @returns whether the start made it. */
  private async compared(path: ByteString, top: LayerEntry, below: Found | undefined): Promise<boolean> {
    if (below === undefined) {
      if (this.traces.isOurs(path, top)) return true;
      await this.visitor.added(path, top, this.traces);
      return false;
    }
    const what = await differences(top, below, this.comparison);
    if (what.length > 0) await this.visitor.modified(path, top, what, this.traces);
    if (what.includes('type')) return false;
    const started = below.folder === undefined ? false : await this.folder(path, top.fd, below.folder);
    if (what.length === 0 && !started && isTouched(top, below)) await this.visitor.touched?.(path, top);
    return false;
  }

  private async place(path: ByteString, name: ByteString, layer: LayerFolder, place: ComposedPlace): Promise<boolean> {
    if (place.kind === 'bind') return false;
    const top = openPlace(layer.fd, name);
    if (top === undefined || !top.stats.isDirectory() || place.kind === 'link') {
      try {
        const isAsMade = top === undefined || (place.kind === 'link' && leadsTo(top, place.target));
        if (!isAsMade && top !== undefined) {
          await this.visitor.modified(path, top, [top.stats.isSymbolicLink() ? 'target' : 'type'], this.traces);
        }
      } finally {
        if (top !== undefined) closeSync(top.fd);
      }
      return false;
    }
    try {
      const lower = place.kind === 'overlay' ? LayeredFolder.open(place.lower) : undefined;
      try {
        await this.root(path, top.fd, lower);
      } finally {
        lower?.close();
      }
    } finally {
      closeSync(top.fd);
    }
    return false;
  }
}

/** Undefined when it may be entered but not listed, as another user's folder of this machine below a container. */
function namesBelow(lower: LayeredFolder): Set<ByteString> | undefined {
  try {
    return new Set(lower.names());
  } catch (error) {
    if (failedWith(error, 'EACCES')) return undefined;
    throw error;
  }
}

/** A part of a composed root is a mount when its processes see it. */
function openPlace(folderFd: number, name: ByteString): LayerEntry | undefined {
  try {
    const fd = openat2(folderFd, toBytes(name), {
      flags: O_PATH | constants.O_NOFOLLOW,
      resolve: RESOLVE_NO_SYMLINKS,
    });
    return { fd, stats: fstatSync(fd, { bigint: true }) };
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    if (failedWith(error, 'ELOOP')) return openEntry(folderFd, name);
    throw error;
  }
}

function leadsTo(entry: LayerEntry, target: string): boolean {
  return entry.stats.isSymbolicLink() && targetOf(entry).equals(Buffer.from(target));
}

/** As the start makes the folder of a layer: helper/plan/rootSteps.ts. */
export function isFresh(entry: LayerEntry): boolean {
  const { uid, gid } = entry.stats;
  return modeOf(entry) === 0o755 && uid === 0n && gid === 0n && xattrsOf(entry).size === 0;
}

function isTouched(top: LayerEntry, below: LayerEntry): boolean {
  const hasMoreNames = !top.stats.isDirectory() && top.stats.nlink > 1n && top.stats.ino !== below.stats.ino;
  return hasMoreNames || top.stats.mtimeNs !== below.stats.mtimeNs;
}

/** A path as people may read it. */
export function shown(path: ByteString): string {
  return toBytes(path).toString('utf8');
}

import * as path from 'node:path/posix';
import type { Change, ChangeList } from '../../helper/protocol/index.js';

/** The changes of one container, to look up by path. */
export class ChangeSet {
  private readonly byPath: ReadonlyMap<string, Change>;

  constructor(readonly list: ChangeList) {
    this.byPath = new Map(list.changes.map((change) => [change.path, change]));
  }

  get(file: string): Change | undefined {
    return this.byPath.get(file);
  }

  /** The change that a file is part of: its own, or that of a folder above it that was added or moved as a whole. */
  covering(file: string): Change | undefined {
    const own = this.byPath.get(file);
    for (let folder = file; !own && folder !== '/'; ) {
      folder = path.dirname(folder);
      const above = this.byPath.get(folder);
      if (above) {
        return above.kind === 'added' || above.kind === 'renamed' ? above : undefined;
      }
    }
    return own;
  }

  /** Where a file's original is in what the container was made from. Undefined: it has none. */
  original(file: string): string | undefined {
    const change = this.covering(file);
    if (change?.kind === 'renamed' && change.from !== undefined) {
      return change.from + file.slice(change.path.length);
    }
    return change?.kind === 'added' ? undefined : file;
  }
}

import type { FileReference } from '../../helper/protocol/index.js';
import { rootKey } from './addresses.js';

/**
 * The helper keeps one set of watched folders and files per client, and several parts of the extension want some at
 * once: the tree while it is visible, editors while they are open. This sends the union, once for all changes of one
 * turn, and only when it differs.
 */
export class Watches {
  private readonly wanted = new Map<object, readonly FileReference[]>();
  private sent = '';
  private pending = false;

  constructor(private readonly send: (watched: FileReference[]) => void) {}

  /** Replaces what `owner` wants watched; empty for nothing any more. */
  set(owner: object, references: readonly FileReference[]): void {
    if (references.length === 0) {
      this.wanted.delete(owner);
    } else {
      this.wanted.set(owner, references);
    }
    this.schedule();
  }

  /** Tells a helper that was started anew, which watches nothing yet. */
  resend(): void {
    this.sent = '';
    this.schedule();
  }

  private schedule(): void {
    if (this.pending) {
      return;
    }
    this.pending = true;
    queueMicrotask(() => {
      this.pending = false;
      this.update();
    });
  }

  private update(): void {
    const union = new Map<string, FileReference>();
    for (const { root, path } of [...this.wanted.values()].flat()) {
      union.set(`${rootKey(root)} ${path}`, { root, path });
    }
    const keys = [...union.keys()].sort().join('\n');
    if (keys !== this.sent) {
      this.sent = keys;
      this.send([...union.values()]);
    }
  }
}

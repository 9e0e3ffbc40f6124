import type { LimitTarget } from '../../helper/protocol/limits.js';

interface Wanted {
  containers: readonly string[];
  details: readonly LimitTarget[];
}

/**
 * The helper keeps one set of watched things per client, and several parts of the extension want some at once
 * (the tree while it is visible, a limits form while it is). This sends the union, and only when it changes.
 */
export class StatisticsWatch {
  private readonly wanted = new Map<object, Wanted>();
  private sent = asText({ containers: [], details: [] });

  constructor(private readonly send: (containers: string[], details: LimitTarget[]) => void) {}

  /**
   * Replaces what `owner` wants sampled once a second; nothing of either for nothing any more.
   * @param containers  ids, in brief (`StatsSampled`)
   * @param details  everything the kernel counts (`DetailsSampled`)
   */
  set(owner: object, containers: readonly string[], details: readonly LimitTarget[] = []): void {
    if (containers.length + details.length === 0) {
      this.wanted.delete(owner);
    } else {
      this.wanted.set(owner, { containers: [...containers], details: [...details] });
    }
    this.update();
  }

  /** Tells a helper that was started anew, which watches nothing yet. */
  resend(): void {
    this.sent = asText({ containers: [], details: [] });
    this.update();
  }

  private update(): void {
    const union = this.union();
    const text = asText(union);
    if (text !== this.sent) {
      this.sent = text;
      this.send([...union.containers], [...union.details]);
    }
  }

  private union(): Wanted {
    const all = [...this.wanted.values()];
    const details = new Map(all.flatMap((one) => one.details).map((target) => [JSON.stringify(target), target]));
    return {
      containers: [...new Set(all.flatMap((one) => one.containers))].sort(),
      details: [...details.keys()].sort().flatMap((key) => details.get(key) ?? []),
    };
  }
}

const asText = (wanted: Wanted): string => JSON.stringify(wanted);

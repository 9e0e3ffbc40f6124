/**
 * The helper keeps one set of watched containers per client, and several parts of the extension want some at once
 * (the tree while it is visible, a limits form while it is). This sends the union, and only when it changes.
 */
export class StatisticsWatch {
  private readonly wanted = new Map<object, readonly string[]>();
  private sent = '';

  constructor(private readonly send: (containers: string[]) => void) {}

  /** Replaces what `owner` wants sampled once a second; empty for nothing any more. Containers are ids. */
  set(owner: object, containers: readonly string[]): void {
    if (containers.length === 0) {
      this.wanted.delete(owner);
    } else {
      this.wanted.set(owner, [...containers]);
    }
    this.update();
  }

  /** Tells a helper that was started anew, which watches nothing yet. */
  resend(): void {
    this.sent = '';
    this.update();
  }

  private update(): void {
    const union = this.union();
    if (union.join() !== this.sent) {
      this.sent = union.join();
      this.send(union);
    }
  }

  private union(): string[] {
    return [...new Set([...this.wanted.values()].flat())].sort();
  }
}

/** A helper that ends this often within the window is not started again by itself: something is wrong with it. */
const restartsAllowed = 4;
const windowMilliseconds = 3 * 60 * 1000;

/** Decides whether a helper that ended unexpectedly is started again. Times are milliseconds of any one clock. */
export class RestartPolicy {
  private ends: number[] = [];

  /** Records an end at `now` and answers whether to restart. */
  ended(now: number): boolean {
    this.ends = [...this.ends.filter((end) => now - end < windowMilliseconds), now];
    return this.ends.length <= restartsAllowed;
  }

  /** Forgets the past: a person asked for the restart. */
  reset(): void {
    this.ends = [];
  }
}

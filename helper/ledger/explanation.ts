export interface Explanation {
  /** One sentence: why the step is there. */
  purpose: string;
  /** What would be missing without it. */
  without: string;
  /** Manual pages, `name(section)`, or the address of a document; the first says most. */
  manual: readonly [string, ...string[]];
}

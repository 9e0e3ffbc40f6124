/** What was done, as the stage recorded it: the steps of the plan, and under each the system calls it took. */

export type LedgerArgument =
  | { kind: 'number'; value: string }
  | { kind: 'flags'; value: string }
  | { kind: 'text'; value: string };

export interface LedgerCall {
  name: string;
  /** Already rendered for reading: flags by name, strings quoted. */
  args: string[];
  result: number;
  /** Positive errno, 0 for success. */
  errno: number;
  errnoName?: string;
  startNanoseconds: number;
  durationNanoseconds: number;
  actor: 'monitor' | 'init';
}

export interface LedgerStep {
  index: number;
  kind: string;
  /** What it is about: a path, a name, a command. Empty for none. */
  subject: string;
  /** One sentence: why this step is there. */
  purpose: string;
  /** What would be missing without it. */
  without: string;
  /** For instance `pivot_root(2)`. */
  manual: string[];
  calls: LedgerCall[];
  failed: boolean;
}

/** In requests about ledgers in place of a container: processes that are in no container, which were entered. */
export const enteredProcesses = '/entered';

export interface Ledger {
  /** Its id, or `enteredProcesses`. */
  container: string;
  /** `start`, `exec`, `remove`, `enter`… with a number: `start-1`. */
  operation: string;
  at: string;
  succeeded: boolean;
  durationNanoseconds: number;
  steps: LedgerStep[];
  /** Calls that no longer fitted into the ledger. */
  dropped: number;
}

export interface LedgerSummary {
  operation: string;
  /** Who was entered, of `enteredProcesses`. */
  pid?: number;
  at: string;
  succeeded: boolean;
  durationNanoseconds: number;
}

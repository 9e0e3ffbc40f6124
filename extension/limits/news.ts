import type { ContainerSummary } from '../../helper/protocol/index.js';
import type { LimitEdit, LimitsReport, LimitTarget } from '../../helper/protocol/limits.js';
import { type Mark, markOfEdit } from './history.js';
import { targetKey } from './target.js';

/** What is known of what a form is for. */
export interface Known {
  target: LimitTarget;
  /** As the helper told it last. */
  report: Pick<LimitsReport, 'target' | 'title'> | undefined;
  gone: boolean;
  /** Of a container, as it was told last. */
  state: string | undefined;
}

/**
 * What an edit of limits is to a form: of the same target, `above` when a group that it may be in has become tighter or lets
 * more through, or of something else.
 */
export function relationOf({ target, report }: Known, edited: LimitTarget): 'same' | 'above' | 'other' {
  const own = report === undefined ? [target] : [target, report.target];
  if (own.some((one) => targetKey(one) === targetKey(edited))) return 'same';
  return 'container' in edited ? 'other' : 'above';
}

/**
 * Whether an edit of the form's target needs saying. One of its own is announced by its answer; a roll back is nobody's.
 * @param own  ids of edits that the form asked for
 * @param asking  how many of which it awaits the answers
 */
export function isForeign(edit: Pick<LimitEdit, 'id' | 'kind'>, own: ReadonlySet<string>, asking: number): boolean {
  return edit.kind === 'rollback' || (asking === 0 && !own.has(edit.id));
}

/** What other states of containers mean for a form: its target is gone, is to be read anew, or neither. */
export function newsOfContainers(
  { target, report, gone, state }: Known,
  containers: readonly Pick<ContainerSummary, 'id' | 'name' | 'state'>[],
): { news: 'gone' | 'changed' | 'none'; state: string | undefined } {
  if (!('container' in target)) {
    // The first container of a group brings its control group, the last one takes it along.
    return { news: gone || 'group' in target ? 'changed' : 'none', state };
  }
  const summary = containers.find(({ id }) => id === target.container);
  if (summary === undefined) return { news: gone ? 'none' : 'gone', state };
  // Starting and stopping change what a limit means, and whether there is anything to watch.
  const changed = state !== summary.state || report?.title !== summary.name;
  return { news: changed ? 'changed' : 'none', state: summary.state };
}

/** Marks of the edits since a moment, in milliseconds since the epoch. */
export function marksOfEdits(edits: readonly LimitEdit[], since: number): Mark[] {
  return edits.filter(({ at }) => Date.parse(at) >= since).map(markOfEdit);
}

import { isDeepStrictEqual } from 'node:util';
import { limitsOf } from '../cgroup/resources.js';
import { knobOf, type LimitChange, type LimitsReport } from '../protocol/index.js';
import type { Journal, KeptEdit } from './journal.js';
import { isRlimit } from './rlimits.js';
import type { ConfiguredLimits } from './subject.js';

/**
 * The latest edit that can be taken back. What was written to the kernel alone went with the processes of that time.
 * @param life of the target now. Pure, as all here.
 */
export function undoableEdit({ edits, pending }: Journal, life: string | undefined): KeptEdit | undefined {
  if (pending?.phase === 'trial') return pending.edit;
  return edits.findLast(
    (edit) => !edit.settled && (edit.configured !== undefined || (edit.life !== undefined && edit.life === life)),
  );
}

/** What an edit wrote and what is no longer so, by the names of knobs; `configuration` for what the next start has. */
export function changedSince(
  edit: KeptEdit,
  report: Pick<LimitsReport, 'readings' | 'live'>,
  life: string | undefined,
  configured: ConfiguredLimits | undefined,
): string[] {
  const changed = edit.changes.filter(({ name, after }) => {
    const reading = report.readings.find((one) => one.name === name);
    const held = reading?.value ?? knobOf(name).cleared;
    // After another start the kernel may have rounded what an edit of the configuration asked for.
    return life === undefined || edit.life === life ? held !== after : reading?.nextStart !== undefined;
  });
  const isKept = edit.configured === undefined || isSame(edit.configured.after, configured ?? {});
  return [...changed.map(({ name }) => name), ...(isKept ? [] : ['configuration'])];
}

/** The changes that take an edit back, from the processes it was written to or from later ones. */
export function changesBack(edit: KeptEdit, life: string | undefined): LimitChange[] {
  const before = edit.configured?.before;
  return edit.changes.map(({ name, before: held }) => ({
    name,
    value: before === undefined || edit.life === life ? held : configuredValue(before, name),
  }));
}

/** What a configuration has for a knob; what a new group has when it says nothing. */
export function configuredValue({ resources, rlimits }: ConfiguredLimits, name: string): string {
  const value = isRlimit(name)
    ? rlimits?.find(({ type }) => type === name)?.soft.toString()
    : limitsOf(resources).values.get(name);
  return value ?? knobOf(name).cleared;
}

/** As they are on disk: a property that is undefined is none. */
function isSame(one: ConfiguredLimits, other: ConfiguredLimits): boolean {
  const plain = ({ resources, rlimits }: ConfiguredLimits): unknown =>
    JSON.parse(JSON.stringify({ resources: resources ?? {}, rlimits: rlimits ?? [] }));
  return isDeepStrictEqual(plain(one), plain(other));
}

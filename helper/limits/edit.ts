import type { Machine } from '../container/machine.js';
import {
  ErrorCode,
  type LimitEdit,
  type LimitsOutcome,
  type LimitsReport,
  type LimitTarget,
  type SetLimitsParams,
  terrariumError,
} from '../protocol/index.js';
import {
  emptyJournal,
  type Journal,
  type KeptEdit,
  newEditId,
  type PendingEdit,
  readJournal,
  shownEdit,
  type Trial,
  writeJournal,
} from './journal.js';
import { readingsOf, reportOf, valueIn } from './report.js';
import { isDue, restore, rollBack, settle, thisHelper } from './rollback.js';
import { findSubject, type LimitSubject, saveConfigured, withTarget } from './subject.js';
import { changedSince, changesBack, undoableEdit } from './undoable.js';
import { checkNextStart, configuredWith, refuseRlimits, writeLive } from './write.js';

/** All limits of a target, after what a helper that is gone left undone was ended. @throws NotFound, Invalid */
export async function readTarget(machine: Machine, target: LimitTarget): Promise<LimitsReport> {
  const subject = await findSubject(machine, target);
  const journal = readJournal(machine.locations, subject.key, machine.log);
  if (journal?.pending === undefined || !isDue(journal.pending)) {
    return reportOf(machine, subject, ofThisLife(subject, journal));
  }
  return withTarget(machine, subject.target, async (locked) => {
    const ended = await settled(machine, locked);
    // What was left undone may have been in the configuration.
    return reportOf(machine, await findSubject(machine, locked.target), ended);
  });
}

/** The latest edits of a target, oldest first. @throws NotFound, Invalid */
export async function listEdits(machine: Machine, target: LimitTarget): Promise<LimitEdit[]> {
  const subject = await findSubject(machine, target);
  const journal = readJournal(machine.locations, subject.key, machine.log);
  return (ofThisLife(subject, journal)?.edits ?? []).map(shownEdit);
}

/** A cgroup that others made may be gone, and another one there by its name: the edits were of the former. */
function ofThisLife(subject: LimitSubject, journal: Journal | undefined): Journal | undefined {
  if (journal === undefined || subject.configured !== undefined) return journal;
  const { pending, ...kept } = journal;
  return {
    ...kept,
    edits: kept.edits.filter(({ life }) => life === subject.life),
    ...(pending?.edit.life === subject.life && pending !== undefined ? { pending } : {}),
  };
}

/** Ends what is due of a target, and answers its journal. @throws NotFound when the target is no more */
export function settleTarget(machine: Machine, target: LimitTarget, leaving: boolean): Promise<Journal> {
  return withTarget(machine, target, (subject) => settled(machine, subject, leaving));
}

/** The journal with nothing left undone in it. The caller holds the target's lock. */
async function settled(machine: Machine, subject: LimitSubject, leaving = false): Promise<Journal> {
  const found = readJournal(machine.locations, subject.key, machine.log);
  const journal = ofThisLife(subject, found) ?? emptyJournal(subject.target);
  return settle(machine, subject, journal, leaving);
}

/**
 * Changes limits of a target: of what runs, at once; and of the next start, unless it is until then only, or a trial.
 * @throws Invalid for values, WrongState while another change is on trial, Unavailable when the kernel or the machine refuses
 */
export function setLimits(machine: Machine, params: SetLimitsParams): Promise<LimitsOutcome> {
  const { target, changes, until = 'removed', trySeconds } = params;
  return withTarget(machine, target, async (found) => {
    const journal = await settled(machine, found);
    // What was left undone may have been in the configuration.
    const subject = await findSubject(machine, found.target);
    if (journal.pending?.phase === 'trial') throw onTrial(subject, journal.pending);
    checkRequest(subject, params);
    const before = await readingsOf(machine, subject);
    // What cannot be kept is refused before anything is written; and so is nonsense.
    const after = subject.configured && configuredWith(subject.configured, changes);
    if (!subject.running) checkNextStart(subject, changes, after);
    const edit: KeptEdit = {
      id: newEditId(),
      at: new Date().toISOString(),
      kind: 'edit',
      changes: changes.map(({ name, value }) => ({ name, before: valueIn(before, name), after: value })),
      ...(subject.life === undefined ? {} : { life: subject.life }),
      ...(subject.configured === undefined || after === undefined || until === 'restart'
        ? {}
        : { configured: { before: subject.configured, after } }),
      settled: false,
    };
    return carryOut(machine, subject, journal, edit, trySeconds === undefined ? undefined : { trySeconds, until });
  });
}

function checkRequest(subject: LimitSubject, { changes, until, trySeconds }: SetLimitsParams): void {
  const refuse = (message: string, fix: string) => terrariumError(ErrorCode.Invalid, message, { fix });
  if (changes.length === 0) throw refuse('No limit is to be changed', 'Name at least one limit and its value.');
  const twice = changes.find(({ name }, index) => changes.findIndex((one) => one.name === name) !== index);
  if (twice !== undefined) throw refuse(`${twice.name} is given twice`, 'Give each limit once.');
  if (trySeconds !== undefined && !(Number.isInteger(trySeconds) && trySeconds >= 5 && trySeconds <= 600)) {
    throw refuse(`${trySeconds} seconds are no time to try`, 'Give a whole number of seconds from 5 to 600.');
  }
  refuseRlimits(subject, changes);
  if (subject.running) return;
  if (trySeconds !== undefined || until === 'restart') {
    const cause = 'It does not run: there are only the limits of its next start.';
    const fix = 'Start it first, or change them for good.';
    const what = trySeconds === undefined ? 'changed until the next start' : 'tried';
    throw terrariumError(ErrorCode.WrongState, `Limits of ${subject.title} cannot be ${what}`, { cause, fix });
  }
}

function onTrial({ title }: LimitSubject, { rollsBackAt, edit }: Trial): Error {
  return terrariumError(ErrorCode.WrongState, `Limits of ${title} are on trial`, {
    cause: `${edit.changes.map(({ name }) => name).join(', ')} will be rolled back at ${rollsBackAt} unless kept.`,
    fix: 'Keep that change or undo it first; then make this one.',
  });
}

/**
 * Writes an edit and keeps it in the journal. Before the first write and after the last one the journal says so: a helper
 * that finds it begun and its author gone puts back what was there.
 */
async function carryOut(
  machine: Machine,
  subject: LimitSubject,
  journal: Journal,
  edit: KeptEdit,
  trial?: { trySeconds: number; until: Trial['until'] },
  settles?: string,
): Promise<LimitsOutcome> {
  const { locations } = machine;
  const owner = thisHelper();
  await writeJournal(locations, subject.key, { ...journal, pending: { phase: 'writing', edit, owner } });
  try {
    const changes = edit.changes.map(({ name, after }) => ({ name, value: after }));
    const writes = subject.running ? await writeLive(subject, changes) : [];
    const saved = trial === undefined ? edit.configured?.after : undefined;
    if (saved !== undefined) await saveConfigured(machine, subject, saved);
    const now: LimitSubject = { ...subject, configured: saved ?? subject.configured };
    const held = await readingsOf(machine, now);
    const done: KeptEdit = {
      ...edit,
      changes: edit.changes.map((change) => ({ ...change, after: valueIn(held, change.name) })),
    };
    const edits = journal.edits.map((one) => (one.id === settles ? { ...one, settled: true } : one));
    const pending: PendingEdit | undefined = trial && {
      phase: 'trial',
      edit: done,
      owner,
      rollsBackAt: new Date(Date.now() + trial.trySeconds * 1000).toISOString(),
      until: trial.until,
    };
    const after: Journal = { ...journal, edits: [...edits, done], ...(pending === undefined ? {} : { pending }) };
    await writeJournal(locations, subject.key, after);
    return { report: await reportOf(machine, now, after), writes, edit: shownEdit(done) };
  } catch (error) {
    await abandon(machine, subject, journal, edit);
    throw error;
  }
}

/** Takes back an edit that did not come to its end. What cannot be taken back now is left for the next who looks. */
async function abandon(machine: Machine, subject: LimitSubject, journal: Journal, edit: KeptEdit): Promise<void> {
  try {
    await restore(machine, subject, edit);
    await writeJournal(machine.locations, subject.key, journal);
  } catch (error) {
    machine.log(
      `limits of ${subject.title} were not put back: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Makes a trial lasting. @throws WrongState when it is over */
export function keepTrial(
  machine: Machine,
  { target, edit: id }: { target: LimitTarget; edit: string },
): Promise<LimitsReport> {
  return withTarget(machine, target, async (found) => {
    const journal = await settled(machine, found);
    const subject = await findSubject(machine, found.target);
    const { pending, ...kept } = journal;
    if (pending?.phase !== 'trial' || pending.edit.id !== id) {
      throw terrariumError(ErrorCode.WrongState, `That change of limits of ${subject.title} is not on trial`, {
        cause: 'It was rolled back when its time was over, or was kept already.',
        fix: 'Look at the limits as they are, and make the change again.',
      });
    }
    const { edit, owner, until } = pending;
    const configured = until === 'removed' ? edit.configured : undefined;
    if (configured !== undefined) {
      await writeJournal(machine.locations, subject.key, { ...kept, pending: { phase: 'saving', edit, owner } });
      await saveConfigured(machine, subject, configured.after);
    }
    await writeJournal(machine.locations, subject.key, kept);
    return reportOf(machine, { ...subject, configured: configured?.after ?? subject.configured }, kept);
  });
}

/** Takes the latest edit back, or ends a trial. @throws WrongState when there is none, or it is no longer as it was left */
export function undoLimits(machine: Machine, target: LimitTarget): Promise<LimitsOutcome> {
  return withTarget(machine, target, async (found) => {
    const journal = await settled(machine, found);
    const subject = await findSubject(machine, found.target);
    if (journal.pending?.phase === 'trial') {
      const { journal: after, writes, edit } = await rollBack(machine, subject, journal, journal.pending, 'undo');
      return { report: await reportOf(machine, subject, after), writes, edit: shownEdit(edit) };
    }
    const undone = undoableEdit(journal, subject.life);
    if (undone === undefined) {
      throw terrariumError(ErrorCode.WrongState, `There is no change of limits of ${subject.title} to undo`, {
        cause: 'None was made, all were undone, or what they changed ended with the processes of that time.',
        fix: 'Set the limits that you want.',
      });
    }
    const before = await readingsOf(machine, subject);
    const changed = changedSince(undone, before, subject.life, subject.configured);
    if (changed.length > 0) throw changedMeanwhile(subject, changed);
    const edit: KeptEdit = {
      id: newEditId(),
      at: new Date().toISOString(),
      kind: 'undo',
      changes: changesBack(undone, subject.life).map(({ name, value }) => ({
        name,
        before: valueIn(before, name),
        after: value,
      })),
      ...(subject.life === undefined ? {} : { life: subject.life }),
      ...(undone.configured === undefined
        ? {}
        : { configured: { before: undone.configured.after, after: undone.configured.before } }),
      settled: true,
    };
    return carryOut(machine, subject, journal, edit, undefined, undone.id);
  });
}

function changedMeanwhile({ title }: LimitSubject, names: readonly string[]): Error {
  return terrariumError(ErrorCode.WrongState, `Limits of ${title} were changed since: ${names.join(', ')}`, {
    cause:
      'They no longer hold what the latest edit wrote, so taking that back would overwrite what somebody else set.',
    fix: 'Look at the limits as they are, and set those that you want.',
  });
}

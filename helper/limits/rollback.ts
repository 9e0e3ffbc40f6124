import type { Machine } from '../container/machine.js';
import { bootId } from '../inspect/boot.js';
import { isAlive, processIdentity } from '../inspect/stat.js';
import type { LimitChange, LimitWrite } from '../protocol/index.js';
import { type Journal, type KeptEdit, newEditId, type PendingEdit, type Trial, writeJournal } from './journal.js';
import { readingsOf, valueIn } from './report.js';
import { type LimitSubject, saveConfigured } from './subject.js';
import { configuredWith, writeLive } from './write.js';

/** This process, as what it is in the middle of is marked. */
export function thisHelper(): PendingEdit['owner'] {
  const self = processIdentity(process.pid);
  if (self === undefined) throw new Error('/proc has nothing about this process');
  return { ...self, bootId: bootId() };
}

/** Whether the helper that began it is still there to end it. */
function isOwned({ owner }: PendingEdit): boolean {
  return owner.bootId === bootId() && isAlive(owner);
}

/** Whether this very helper began it. */
export function isOurs({ owner }: PendingEdit): boolean {
  return owner.bootId === bootId() && owner.pid === process.pid && isAlive(owner);
}

/** Whether somebody has to end it: it was left by a helper that is gone, or its time is over. */
export function isDue(pending: PendingEdit, now = Date.now()): boolean {
  return !isOwned(pending) || (pending.phase === 'trial' && Date.parse(pending.rollsBackAt) <= now);
}

/**
 * Ends what a helper was in the middle of when it was killed, and a trial whose time is over. The caller holds the target's
 * lock, so whoever was writing is no longer. Answers the journal as it then is, with what was taken back.
 * @param leaving this helper's trials too: nobody is left to keep them
 */
export async function settle(
  machine: Machine,
  subject: LimitSubject,
  journal: Journal,
  leaving = false,
): Promise<Journal> {
  const { pending } = journal;
  if (pending === undefined) return journal;
  const { pending: _, ...settled } = journal;
  switch (pending.phase) {
    case 'writing':
      settled.edits = [...journal.edits, ...(await restoreOrAdopt(machine, subject, pending.edit))];
      break;
    case 'saving':
      if (pending.edit.configured !== undefined) {
        await saveConfigured(machine, subject, pending.edit.configured.after);
      }
      break;
    case 'trial':
      if (!isDue(pending) && !(leaving && isOurs(pending))) return journal;
      return (await rollBack(machine, subject, journal, pending, 'rollback')).journal;
  }
  await writeJournal(machine.locations, subject.key, settled);
  return settled;
}

/** None when it was put back. What the kernel does not let be put back stays as it is, an edit like others. */
async function restoreOrAdopt(machine: Machine, subject: LimitSubject, edit: KeptEdit): Promise<KeptEdit[]> {
  try {
    await restore(machine, subject, edit);
    return [];
  } catch (error) {
    machine.log(
      `limits of ${subject.title} were not put back: ${error instanceof Error ? error.message : String(error)}`,
    );
    const report = await readingsOf(machine, subject);
    return [{ ...edit, changes: edit.changes.map((change) => ({ ...change, after: valueIn(report, change.name) })) }];
  }
}

/** Puts back what an edit may have written of itself: to what runs, when that is the same, and to the configuration. */
export async function restore(machine: Machine, subject: LimitSubject, edit: KeptEdit): Promise<void> {
  if (edit.life !== undefined && edit.life === subject.life) {
    const report = await readingsOf(machine, subject);
    const touched = edit.changes.filter(({ name, before }) => valueIn(report, name) !== before);
    if (touched.length > 0) await writeLive(subject, touched.map(toBefore));
  }
  if (edit.configured !== undefined) await saveConfigured(machine, subject, edit.configured.before);
}

const toBefore = ({ name, before }: KeptEdit['changes'][number]): LimitChange => ({ name, value: before });

export interface RolledBack {
  journal: Journal;
  writes: LimitWrite[];
  edit: KeptEdit;
}

/**
 * Takes a trial back: what nobody has changed since. What the kernel refuses to take back by itself (a memory limit below
 * what is in use by now) stays on trial and is tried again; somebody who asks for it gets the refusal instead.
 */
export async function rollBack(
  machine: Machine,
  subject: LimitSubject,
  journal: Journal,
  trial: Trial,
  kind: 'rollback' | 'undo',
): Promise<RolledBack> {
  const report = await readingsOf(machine, subject);
  const isSameLife = trial.edit.life === subject.life;
  const standing = isSameLife ? trial.edit.changes.filter(({ name, after }) => valueIn(report, name) === after) : [];
  const { writes, refused } = await writeBack(subject, standing, kind === 'rollback');
  const left = refused.map(({ change }) => change);
  const edit: KeptEdit = {
    id: newEditId(),
    at: new Date().toISOString(),
    kind,
    changes: standing
      .filter((change) => !left.includes(change))
      .map(({ name, before, after }) => ({ name, before: after, after: before })),
    ...(subject.life === undefined ? {} : { life: subject.life }),
    settled: true,
  };
  const [first] = refused;
  const after = first === undefined ? ended(journal, trial, edit) : stuck(journal, trial, edit, left, first.error);
  if (first !== undefined) machine.log(`a trial of ${subject.title} is not taken back: ${String(first.error)}`);
  await writeJournal(machine.locations, subject.key, after);
  return { journal: after, writes, edit };
}

function ended({ pending: _, ...journal }: Journal, trial: Trial, rollback: KeptEdit): Journal {
  const edits = journal.edits.map((one) => (one.id === trial.edit.id ? { ...one, settled: true } : one));
  return { ...journal, edits: [...edits, rollback] };
}

/** What is left of a trial is a trial of that alone. */
function stuck(
  journal: Journal,
  trial: Trial,
  rollback: KeptEdit,
  left: readonly EditChange[],
  error: unknown,
): Journal {
  const { configured } = trial.edit;
  const asked = left.map(({ name, after }) => ({ name, value: after }));
  const rest: KeptEdit = {
    ...trial.edit,
    changes: [...left],
    ...(configured === undefined
      ? {}
      : { configured: { before: configured.before, after: configuredWith(configured.before, asked) } }),
  };
  const edits = journal.edits.map((one) => (one.id === rest.id ? rest : one));
  return {
    ...journal,
    edits: rollback.changes.length === 0 ? edits : [...edits, rollback],
    pending: { ...trial, edit: rest, stuck: error instanceof Error ? error.message : String(error) },
  };
}

type EditChange = KeptEdit['changes'][number];

/** All at once; when that is refused and `bySingles` is set, each by itself. */
async function writeBack(
  subject: LimitSubject,
  changes: readonly EditChange[],
  bySingles: boolean,
): Promise<{ writes: LimitWrite[]; refused: { change: EditChange; error: unknown }[] }> {
  if (changes.length === 0) return { writes: [], refused: [] };
  try {
    return { writes: await writeLive(subject, changes.map(toBefore)), refused: [] };
  } catch (error) {
    if (!bySingles) throw error;
    const [only] = changes;
    if (changes.length === 1 && only !== undefined) return { writes: [], refused: [{ change: only, error }] };
  }
  const writes: LimitWrite[] = [];
  const refused: { change: EditChange; error: unknown }[] = [];
  for (const change of changes) {
    try {
      writes.push(...(await writeLive(subject, [toBefore(change)])));
    } catch (error) {
      refused.push({ change, error });
    }
  }
  return { writes, refused };
}

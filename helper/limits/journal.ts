import { randomBytes } from 'node:crypto';
import { promises as fs, mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { z } from 'zod';
import { readIfThere, writeAtomically } from '../container/atomicFile.js';
import type { Locations } from '../container/locations.js';
import type { LimitEdit, LimitTarget, oci } from '../protocol/index.js';

/** As many edits are kept of each target. */
export const mostEdits = 100;

/** Ours, written by us from what had been checked: the outline is enough. */
const resources = z.looseObject({}) as unknown as z.ZodType<oci.Resources>;
const configured = z.object({
  resources: resources.optional(),
  rlimits: z.array(z.object({ type: z.string(), soft: z.number(), hard: z.number() })).optional(),
});

const keptEdit = z.object({
  id: z.string(),
  at: z.string(),
  kind: z.enum(['edit', 'undo', 'rollback']),
  changes: z.array(z.object({ name: z.string(), before: z.string(), after: z.string() })),
  /** Which processes, or which cgroup, it was written to; absent when only the next start was changed. */
  life: z.string().exactOptional(),
  /** What the next start had and has; absent when that was left as it was. */
  configured: z.object({ before: configured, after: configured }).exactOptional(),
  /** There is nothing to take back: it was, or it takes back itself. */
  settled: z.boolean(),
});

const owner = z.object({ pid: z.int().positive(), startTime: z.number(), bootId: z.string() });

const pending = z.discriminatedUnion('phase', [
  /** The kernel's files or the configuration may hold part of it: to be taken back unless it comes to its end. */
  z.object({ phase: z.literal('writing'), edit: keptEdit, owner }),
  /** To be taken back at a time unless it is kept. `until`: what is to be done when it is. */
  z.object({
    phase: z.literal('trial'),
    edit: keptEdit,
    owner,
    rollsBackAt: z.string(),
    until: z.enum(['restart', 'removed']),
    /** Why it could not be taken back when it was time, in a sentence. */
    stuck: z.string().exactOptional(),
  }),
  /** It was kept, and the configuration may not say so yet: to be written there. */
  z.object({ phase: z.literal('saving'), edit: keptEdit, owner }),
]);

const target = z.union([
  z.object({ container: z.string() }),
  z.object({ group: z.string() }),
  z.object({ cgroup: z.string() }),
]);

const journal = z.object({
  version: z.literal(1),
  target,
  /** Oldest first. */
  edits: z.array(keptEdit),
  pending: pending.exactOptional(),
});

/** An edit as it is kept: with what undo needs to know. */
export type KeptEdit = z.infer<typeof keptEdit>;
/** What a helper is in the middle of, so that another one can end it when that helper was killed. */
export type PendingEdit = z.infer<typeof pending>;
export type Trial = Extract<PendingEdit, { phase: 'trial' }>;
/** The edits of one target, in a file. */
export type Journal = z.infer<typeof journal>;

/** Where the files are; made when it is missing. */
export function journalFolder({ data }: Locations): string {
  const folder = path.join(data, 'limits');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

const fileOf = (locations: Locations, key: string): string => path.join(journalFolder(locations), `${key}.json`);

/** The key of a file in the folder; undefined for a temporary one. */
export function keyOfFile(name: string): string | undefined {
  return /^([\w.-]+)\.json$/.exec(name)?.[1];
}

/**
 * Undefined when there is none. What cannot be read counts as none, for a crash of the machine may leave anything, and the
 * limits themselves are elsewhere; `log` then hears of it.
 */
export function readJournal(locations: Locations, key: string, log: (message: string) => void): Journal | undefined {
  const text = readIfThere(fileOf(locations, key));
  if (text === undefined) return undefined;
  try {
    return journal.parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    log(
      `edits of limits in ${key}.json are lost: ${error instanceof SyntaxError ? error.message : z.prettifyError(error)}`,
    );
    return undefined;
  }
}

export function emptyJournal(of: LimitTarget): Journal {
  return { version: 1, target: of, edits: [] };
}

/** Writes it whole, bounded. The caller holds the target's lock. */
export async function writeJournal(locations: Locations, key: string, written: Journal): Promise<void> {
  const bounded = { ...written, edits: written.edits.slice(-mostEdits) };
  await writeAtomically(fileOf(locations, key), JSON.stringify(bounded), { durable: true });
}

/** Forgets all edits of a target that is no more. */
export async function removeJournal(locations: Locations, key: string): Promise<void> {
  await fs.rm(fileOf(locations, key), { force: true });
}

export function newEditId(): string {
  return randomBytes(6).toString('hex');
}

/** As clients see it. Pure. */
export function shownEdit({ id, at, kind, changes }: KeptEdit): LimitEdit {
  return { id, at, kind, changes };
}

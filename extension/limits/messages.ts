import * as z from 'zod/mini';
import { limitTarget } from './target.js';

/**
 * What the form and the extension tell each other. Both sides check every message on arrival: the form is a web page,
 * and what it shows comes from containers.
 */

/** The name of a file of a control group, or of a limit of processes. */
const knobName = z.string().check(z.maxLength(255), z.regex(/^[A-Za-z][\w.-]*$/));
const knobValue = z.string().check(z.maxLength(16_384));
const change = z.object({ name: knobName, value: knobValue });
const changes = z.array(change).check(z.minLength(1), z.maxLength(200));
/** Numbers requests, so that answers find theirs. */
const request = z.int().check(z.minimum(1));

const remedy = z.object({ reason: z.string(), remedy: z.string() });

const reading = z.object({
  name: knobName,
  value: z.optional(z.string()),
  raw: z.optional(z.string()),
  files: z.array(z.string()),
  usage: z.optional(z.number()),
  peak: z.optional(z.number()),
  effective: z.optional(z.object({ value: z.string(), path: z.string() })),
  nextStart: z.optional(z.string()),
  writable: z.boolean(),
  unavailable: z.optional(remedy),
});

const edit = z.object({
  id: z.string(),
  at: z.string(),
  kind: z.enum(['edit', 'undo', 'rollback']),
  changes: z.array(z.object({ name: knobName, before: z.string(), after: z.string() })),
});

const report = z.object({
  target: limitTarget,
  title: z.string(),
  mode: z.enum(['v2', 'v1', 'none']),
  live: z.boolean(),
  running: z.optional(z.literal(true)),
  readings: z.array(reading),
  devices: z.array(z.object({ number: z.string(), name: z.string(), description: z.string() })),
  notice: z.optional(remedy),
  events: z.object({ oomKills: z.number(), pidsRefused: z.number(), throttledMicroseconds: z.number() }),
  trial: z.optional(z.object({ edit: z.string(), rollsBackAt: z.string() })),
  undoable: z.optional(edit),
});

const write = z.object({ file: z.string(), name: knobName, data: z.string(), held: z.optional(z.string()) });
const preview = z.object({
  writes: z.array(write),
  forecasts: z.array(z.object({ name: knobName, severity: z.enum(['plain', 'warning', 'danger']), text: z.string() })),
});

const pressureLine = z.object({ avg10: z.number(), avg60: z.number(), avg300: z.number(), total: z.number() });
const pressure = z.object({ some: pressureLine, full: z.optional(pressureLine) });

const details = z.object({
  at: z.string(),
  memory: z.optional(
    z.object({
      bytes: z.number(),
      peak: z.optional(z.number()),
      swapBytes: z.optional(z.number()),
      events: z.record(z.string(), z.number()),
    }),
  ),
  cpu: z.optional(
    z.object({
      cores: z.optional(z.number()),
      usageMicroseconds: z.number(),
      periods: z.optional(z.number()),
      throttledPeriods: z.optional(z.number()),
      throttledMicroseconds: z.optional(z.number()),
    }),
  ),
  pids: z.optional(z.object({ count: z.number(), peak: z.optional(z.number()), refused: z.optional(z.number()) })),
  io: z.optional(
    z.array(
      z.object({
        device: z.string(),
        name: z.optional(z.string()),
        readBytes: z.number(),
        writtenBytes: z.number(),
        reads: z.number(),
        writes: z.number(),
      }),
    ),
  ),
  pressure: z.optional(z.object({ cpu: z.optional(pressure), memory: z.optional(pressure), io: z.optional(pressure) })),
});

const sample = z.object({
  /** Milliseconds since the epoch, by the helper's clock: the page may be shown on another machine. */
  at: z.number(),
  values: z.record(z.string(), z.number()),
});
const mark = z.object({
  id: z.string(),
  at: z.number(),
  kind: z.enum(['edit', 'undo', 'rollback', 'killed', 'refused']),
  text: z.string(),
});

/** Extension → form. */
export const messageToForm = z.discriminatedUnion('type', [
  /** The whole truth, read from the kernel: at first, after a change, and when asked for. */
  z.object({
    type: z.literal('report'),
    report,
    /** Milliseconds until the trial rolls back. */
    trialLeft: z.optional(z.number()),
    /** Present when this is the answer to the request with the same number. */
    answers: z.optional(request),
    /** What somebody else did, or time: read out once. */
    announce: z.optional(z.string()),
  }),
  z.object({ type: z.literal('preview'), request, preview: z.optional(preview), refused: z.optional(z.string()) }),
  /** Everything kept of the last minutes. */
  z.object({ type: z.literal('history'), samples: z.array(sample), marks: z.array(mark) }),
  /** Once a second while the form is visible. */
  z.object({ type: z.literal('sample'), sample, marks: z.array(mark), details }),
  z.object({ type: z.literal('marks'), marks: z.array(mark) }),
  /** Put the cursor into the field of a limit: the one that has just bitten. */
  z.object({ type: z.literal('focus'), name: knobName }),
  /** There is nothing left to limit. */
  z.object({ type: z.literal('gone'), message: z.string() }),
  /** Absent `request`: the limits could not be read. */
  z.object({
    type: z.literal('failed'),
    request: z.optional(request),
    message: z.string(),
    cause: z.optional(z.string()),
    fix: z.optional(z.string()),
    command: z.optional(z.string()),
  }),
]);
export type MessageToForm = z.infer<typeof messageToForm>;

/** Form → extension. */
export const messageFromForm = z.discriminatedUnion('type', [
  /** The form has loaded its script and can be told things. */
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('reload') }),
  z.object({ type: z.literal('preview'), request, changes }),
  /** `lasting`: also at later starts; `restart`: until the next one; `trial`: rolls back by itself. */
  z.object({ type: z.literal('apply'), request, changes, how: z.enum(['lasting', 'restart', 'trial']) }),
  z.object({ type: z.literal('keep'), request, edit: z.string() }),
  z.object({ type: z.literal('undo'), request }),
  /** Close the form: what it was for is gone. */
  z.object({ type: z.literal('close') }),
  /** Copy the remedy of one limit, or of the notice above the form. The text itself never comes from the page. */
  z.object({ type: z.literal('copyRemedy'), of: z.union([knobName, z.literal('notice'), z.literal('failure')]) }),
]);
export type MessageFromForm = z.infer<typeof messageFromForm>;

export type ShownReport = z.infer<typeof report>;
export type ShownReading = z.infer<typeof reading>;
export type ShownPreview = z.infer<typeof preview>;
export type ShownDetails = z.infer<typeof details>;
export type ShownEdit = z.infer<typeof edit>;
export type Change = z.infer<typeof change>;
export type How = Extract<MessageFromForm, { type: 'apply' }>['how'];

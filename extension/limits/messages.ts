import * as z from 'zod/mini';

/**
 * What the form and the extension tell each other. Both sides check every message on arrival: the form is a web page,
 * and what it shows comes from containers.
 */
/** The name of a file of a cgroup, or of a rlimit. */
const limitName = z.string().check(z.maxLength(255), z.regex(/^[A-Za-z][\w.-]*$/));
const limitValue = z.string().check(z.maxLength(4096));
const remedy = z.object({ reason: z.string(), remedy: z.string() });

const reading = z.object({
  name: limitName,
  value: z.optional(limitValue),
  raw: z.optional(z.string()),
  files: z.array(z.string()),
  usage: z.optional(z.number()),
  effective: z.optional(z.object({ value: limitValue, path: z.string() })),
  writable: z.boolean(),
  unavailable: z.optional(remedy),
});

const report = z.object({
  target: z.object({ container: z.string() }),
  mode: z.enum(['v2', 'v1', 'none']),
  live: z.boolean(),
  readings: z.array(reading),
  notice: z.optional(remedy),
  events: z.object({ oomKills: z.number(), pidsRefused: z.number(), throttledMicroseconds: z.number() }),
});

/** Extension → form. */
export const messageToForm = z.discriminatedUnion('type', [
  /** The whole truth, read from the kernel: at first, after a change of state, and when asked for. */
  z.object({
    type: z.literal('report'),
    name: z.string(),
    report,
    /** Present when this is the answer to `apply` with the same number. */
    applied: z.optional(z.number()),
  }),
  /** A sample of use, once a second while the form is visible. */
  z.object({ type: z.literal('usage'), usage: z.record(limitName, z.number()) }),
  /** Put the cursor into the field of a limit: the one that has just bitten. */
  z.object({ type: z.literal('focus'), name: limitName }),
  /** `request` is the number of the `apply` that failed; absent: the limits could not be read. */
  z.object({
    type: z.literal('failed'),
    request: z.optional(z.number()),
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
  z.object({
    type: z.literal('apply'),
    request: z.int().check(z.minimum(1)),
    changes: z.array(z.object({ name: limitName, value: limitValue })).check(z.minLength(1), z.maxLength(200)),
  }),
  z.object({ type: z.literal('reload') }),
  /** Copy the remedy of one limit, or of the notice above the form. The text itself never comes from the page. */
  z.object({ type: z.literal('copyRemedy'), of: z.union([limitName, z.literal('notice'), z.literal('failure')]) }),
]);
export type MessageFromForm = z.infer<typeof messageFromForm>;

export type ShownReport = Extract<MessageToForm, { type: 'report' }>['report'];
export type ShownReading = ShownReport['readings'][number];

import * as z from 'zod/mini';

/**
 * What the overview's page and the extension tell each other. Both sides check every message on arrival: names in it come
 * from containers.
 */
const number = z.optional(z.number());

const use = {
  /** Cores in use. */
  cpu: number,
  /** Cores, the tightest of its own limit and those above it; absent for none. Likewise below. */
  cpuMax: number,
  /** Bytes. */
  memory: number,
  memoryMax: number,
  pids: number,
  pidsMax: number,
  /** Bytes per second. */
  read: number,
  written: number,
  /** Percent of the last ten seconds in which some processes waited; absent where the kernel does not tell. */
  pressure: z.optional(z.object({ cpu: number, memory: number, io: number })),
  oomKills: number,
};

/** A container or a group of containers. */
const row = z.object({
  /** What names it in messages: `container:ID` or `group:NAME`. */
  key: z.string(),
  kind: z.enum(['container', 'group']),
  name: z.string(),
  paused: z.boolean(),
  ...use,
});

/** What the machine has, and what of it is used by whomever. */
const machine = z.object({ cores: z.number(), memoryBytes: z.number(), ...use });

/** What is drawn behind the numbers of a cell: one value a second, null where nobody looked. */
const trail = z.array(z.nullable(z.number()));

/** Extension → page. */
export const messageToPage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('rows'),
    rows: z.array(row),
    /** All containers together. */
    all: row,
    machine,
    /** A second has gone by: the numbers go into the trails. Else only what there is has changed. */
    sampled: z.boolean(),
  }),
  /** The trails so far, by key and column, for a page that was loaded anew. */
  z.object({ type: z.literal('trails'), trails: z.record(z.string(), z.record(z.string(), trail)) }),
  /** Containers cannot be listed; the reason. */
  z.object({ type: z.literal('failed'), message: z.string() }),
]);
export type MessageToPage = z.infer<typeof messageToPage>;

/** Page → extension. What is acted on is named by its key; the extension looks it up. */
export const messageFromPage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('act'), action: z.enum(['limits', 'stop', 'terminal']), key: z.string() }),
  z.object({ type: z.literal('launch') }),
]);
export type MessageFromPage = z.infer<typeof messageFromPage>;

export type OverviewRow = z.infer<typeof row>;
export type MachineUse = z.infer<typeof machine>;
export type Action = Extract<MessageFromPage, { type: 'act' }>['action'];
export type Trails = Extract<MessageToPage, { type: 'trails' }>['trails'];

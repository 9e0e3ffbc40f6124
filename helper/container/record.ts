import { z } from 'zod';
import type { CgroupRecord } from '../cgroup/record.js';
import type { ContainerSpecification, ExitRecord, oci, ProcessIdentity } from '../protocol/index.js';

import type { NamedProcesses } from './joins.js';

/** `container.json`: what a container is. Written when it is created, renamed, or its limits change. */
export interface ContainerRecord {
  version: 1;
  id: string;
  name: string;
  createdAt: string;
  remove: boolean;
  /** Standard input is a pipe for whoever attaches. */
  stdin: boolean;
  specification: ContainerSpecification;
  config: oci.Config;
  /** Read-only layers of its root, top first; none on the host's. Kept here: an image's name may move on to another. */
  layers: string[];
  /** Manifest digest of the image it was made from; the name may move on to another. */
  imageDigest?: string;
  /** Whose namespaces it joins, where a pid names them. */
  named?: NamedProcesses;
}

/** `runs/N/runtime.json`: one start of it. */
export interface RuntimeRecord {
  /** Of the machine's start that the processes belong to. */
  bootId: string;
  init: ProcessIdentity;
  monitor: ProcessIdentity;
  zygotePid: number;
  startedAt: string;
  socket: string;
  cgroup?: CgroupRecord;
  /** In a named network: what the network's end of its veth pair is called. */
  port?: string;
  /** Its monitor ends what it leaves in the pid namespace that it shares. */
  killsLeft?: boolean;
}

const processIdentity = z.object({ pid: z.int().positive(), startTime: z.number() });

const runtimeRecordSchema: z.ZodType<RuntimeRecord> = z.object({
  bootId: z.string(),
  init: processIdentity,
  monitor: processIdentity,
  zygotePid: z.int(),
  startedAt: z.string(),
  socket: z.string(),
  cgroup: z
    .object({ version: z.union([z.literal(1), z.literal(2)]), paths: z.record(z.string(), z.string()) })
    .exactOptional(),
  port: z.string().exactOptional(),
  killsLeft: z.boolean().exactOptional(),
});

/** @throws SyntaxError or ZodError for what is no such record */
export function parseRuntimeFile(text: string): RuntimeRecord {
  return runtimeRecordSchema.parse(JSON.parse(text));
}

/** Ours, written by us: the outline is checked, so that a damaged file is told from a sound one. */
export const containerRecordSchema = z.looseObject({
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{12}$/),
  name: z.string(),
  createdAt: z.string(),
  remove: z.boolean(),
  specification: z.looseObject({}),
  config: z.looseObject({ process: z.looseObject({}), linux: z.looseObject({}) }),
}) as unknown as z.ZodType<ContainerRecord>;

/** `exit.json`, as the monitor writes it (docs/stage.md). */
const exitFileSchema = z.object({
  exitCode: z.int(),
  signal: z.int(),
  oomKilled: z.boolean(),
  finishedAtNs: z.string().regex(/^\d+$/),
});

/** @throws SyntaxError or ZodError for what is no such record */
export function parseExitFile(text: string): ExitRecord {
  const exit = exitFileSchema.parse(JSON.parse(text));
  return {
    exitCode: exit.exitCode,
    signal: exit.signal,
    oomKilled: exit.oomKilled,
    finishedAt: new Date(Number(BigInt(exit.finishedAtNs) / 1_000_000n)).toISOString(),
  };
}

import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { z } from 'zod';
import type { oci } from '../protocol/index.js';
import { writeAtomically } from './atomicFile.js';

/**
 * `runs/N/mounts.json`: what was mounted and unmounted since this start. That it is there at all is the kernel's to say;
 * this tells whose it is. It goes with the run.
 */
export interface MountRecord {
  /** As asked for, with the id that the kernel gave it. */
  mounts: { id: number; mount: oci.Mount }[];
  /** Destinations of the specification that are not mounted any more. */
  removed: string[];
}

const schema: z.ZodType<MountRecord> = z.object({
  mounts: z.array(
    z.object({
      id: z.int(),
      mount: z.object({
        destination: z.string(),
        source: z.string().exactOptional(),
        type: z.string().exactOptional(),
        options: z.array(z.string()).exactOptional(),
      }),
    }),
  ),
  removed: z.array(z.string()),
});

const nothing: MountRecord = { mounts: [], removed: [] };

/** What is known of a run's mounts; nothing when there is no record, or one that a crash of the machine has emptied. */
export function readAddedMounts(run: string): MountRecord {
  let text: string;
  try {
    text = readFileSync(path.join(run, 'mounts.json'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return nothing;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return nothing;
    throw error;
  }
}

/** The caller holds the container's lock. */
export async function writeAddedMounts(run: string, record: MountRecord): Promise<void> {
  await writeAtomically(path.join(run, 'mounts.json'), JSON.stringify(record), { durable: false });
}

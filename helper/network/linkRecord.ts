/** How a link was made worse: kept in the folder of the run, or of the pod's holder, whose link it is. */
import { promises as fs, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../container/atomicFile.js';
import type { LinkShape } from '../protocol/index.js';

/** What a link can be made. */
export const shapeSchema = z.strictObject({
  delayMs: z.number().min(0).max(60_000, 'at most a minute').exactOptional(),
  lossPercent: z.number().min(0).max(100).exactOptional(),
  // 1 kB a second, below which connections do not come about, to what 64 bits of bytes never reach.
  rate: z.number().min(8000, 'at least 8000 bits a second').max(1e12).exactOptional(),
  down: z.boolean().exactOptional(),
});

const recordFile = (folder: string) => path.join(folder, 'link.json');

/** As it was made last; empty when it is as at the start. */
export function linkShape(folder: string): LinkShape {
  let text: string;
  try {
    text = readFileSync(recordFile(folder), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  return shapeSchema.parse(JSON.parse(text));
}

export function keepLinkShape(folder: string, shape: LinkShape): Promise<void> {
  return writeAtomically(recordFile(folder), JSON.stringify(shape), { durable: false });
}

/** A new link is as good as it gets. */
export async function forgetLinkShape(folder: string): Promise<void> {
  await fs.rm(recordFile(folder), { force: true });
}

/** Which ports a run publishes: written in its folder, as far as the processes that publish them are alive. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { z } from 'zod';
import { isAlive } from '../inspect/stat.js';
import type { PublishedPort } from '../protocol/index.js';

const recordSchema: z.ZodType<PublishedPort[]> = z.array(
  z.object({
    protocol: z.enum(['tcp', 'udp']),
    address: z.string(),
    alsoAt: z.string().exactOptional(),
    hostPort: z.int(),
    containerPort: z.int(),
    publisher: z.object({ pid: z.int().positive(), startTime: z.number() }),
  }),
);

/** In the folder of a run. */
export const portsFile = (run: string) => path.join(run, 'ports.json');

/** Those that are published now, in the order in which they were. */
export function livePorts(run: string): PublishedPort[] {
  let text: string;
  try {
    text = readFileSync(portsFile(run), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return recordSchema.parse(JSON.parse(text)).filter(({ publisher }) => isAlive(publisher));
}

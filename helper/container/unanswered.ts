import { promises as fs } from 'node:fs';
import * as path from 'node:path';
import { ResponseError } from 'vscode-jsonrpc';
import { z } from 'zod';
import type { CgroupRecord } from '../cgroup/record.js';
import { removeCgroups } from '../cgroup/remove.js';
import { bootId } from '../inspect/boot.js';
import { signalProcess } from '../inspect/signal.js';
import { ErrorCode } from '../protocol/index.js';

const SIGKILL = 9;
const announced = z.object({ pid: z.int().positive(), startTime: z.number(), bootId: z.string() });

/**
 * Undoes a launch that was never answered, because its monitor was killed: a process that had come to be on its own is
 * known by what the monitor left in `folder` (docs/stage.md), and cgroups by their paths.
 */
export async function undoUnanswered(folder: string, cgroup?: CgroupRecord): Promise<void> {
  await endAnnounced(path.join(folder, 'exit.json.tmp'));
  if (cgroup !== undefined) await removeCgroups(cgroup);
}

async function endAnnounced(file: string): Promise<void> {
  let text: string;
  try {
    text = await fs.readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  // Blank: the process had not got that far, and has died with its monitor.
  if (text.trim() === '') return;
  const { pid, startTime, bootId: boot } = announced.parse(JSON.parse(text));
  // It ended with the machine; who has its pid now is somebody else.
  if (boot !== bootId()) return;
  try {
    signalProcess({ pid, startTime }, SIGKILL);
  } catch (error) {
    if (!(error instanceof ResponseError) || error.code !== ErrorCode.NotFound) throw error;
  }
}

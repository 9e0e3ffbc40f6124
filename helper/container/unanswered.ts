import { promises as fs } from 'node:fs';
import * as path from 'node:path';
import { ResponseError } from 'vscode-jsonrpc';
import { z } from 'zod';
import { killAll } from '../cgroup/kill.js';
import type { CgroupRecord } from '../cgroup/record.js';
import { signalProcess } from '../inspect/signal.js';
import { ErrorCode } from '../protocol/index.js';

const SIGKILL = 9;
const announced = z.object({ pid: z.int().positive(), startTime: z.number() });
/** A cgroup is busy for a moment after the last process in it was killed. */
const removeAttempts = 50;
const removePauseMilliseconds = 20;

/**
 * Undoes a launch that was never answered, because its monitor was killed: a process that had come to be on its own is
 * known by what the monitor left in `folder` (docs/stage.md), and cgroups by their paths.
 */
export async function undoUnanswered(folder: string, cgroup?: CgroupRecord): Promise<void> {
  await endAnnounced(path.join(folder, 'exit.json.tmp'));
  if (cgroup === undefined) return;
  await killAll(cgroup);
  for (const group of new Set(Object.values(cgroup.paths))) await removeGroup(group);
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
  const { pid, startTime } = announced.parse(JSON.parse(text));
  try {
    signalProcess({ pid, startTime }, SIGKILL);
  } catch (error) {
    if (!(error instanceof ResponseError) || error.code !== ErrorCode.NotFound) throw error;
  }
}

async function removeGroup(group: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await fs.rmdir(group);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt === removeAttempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, removePauseMilliseconds));
    }
  }
}

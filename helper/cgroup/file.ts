import { accessSync, constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';

/**
 * Content of a file of a cgroup without the final newline; undefined when the file is missing, be it that the controller
 * is not enabled (ENOENT) or that the cgroup is gone (ENODEV from an open descriptor).
 */
export async function readCgroupFile(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trimEnd();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV') return undefined;
    throw error;
  }
}

/** Whether this user may write to a file. At once: there may be hundreds of groups to ask about. */
export function mayWrite(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    // access(2) fails for one reason only: not writable for this user, be it missing, read-only or another's.
    return false;
  }
}

/** Writes in one write(2), never creating: a controller's file is there or its controller is not. Throws Node's errors. */
export async function writeCgroupFile(file: string, data: string): Promise<void> {
  const handle = await open(file, constants.O_WRONLY);
  try {
    await handle.write(data);
  } finally {
    await handle.close();
  }
}

/** Flat keyed files such as memory.events and cpu.stat: `KEY VALUE` on each line. */
export function parseKeyed(text: string | undefined): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text?.split('\n') ?? []) {
    const [key, value] = line.split(' ');
    if (key && value !== undefined) values.set(key, Number(value));
  }
  return values;
}

import { randomBytes } from 'node:crypto';
import { promises as fs, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Writes a file so that readers see the old content or the new one, never a part: temporary file, rename. With `durable`
 * it is synced first, so that the same holds after a crash of the machine; that costs milliseconds of disk. Without, it
 * is done at once: a small write to the page cache takes less time than a way to a thread and back.
 */
export async function writeAtomically(file: string, content: string, { durable }: { durable: boolean }): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    if (durable) {
      await writeSynced(temporary, content);
      await fs.rename(temporary, file);
    } else {
      writeFileSync(temporary, content, { flag: 'wx', mode: 0o600 });
      renameSync(temporary, file);
    }
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

async function writeSynced(file: string, content: string): Promise<void> {
  const handle = await fs.open(file, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The text of a file, as it was written; undefined when it is not there. Throws Node's other errors. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

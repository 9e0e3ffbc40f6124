import { randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';

/**
 * Writes a file so that readers see the old content or the new one, never a part: temporary file, rename. With `durable`
 * it is synced first, so that the same holds after a crash of the machine (that costs milliseconds of disk).
 */
export async function writeAtomically(file: string, content: string, { durable }: { durable: boolean }): Promise<void> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const handle = await fs.open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      if (durable) await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}

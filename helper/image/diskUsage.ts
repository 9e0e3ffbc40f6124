import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { failedWith } from './failure.js';

const blockSize = 512n;
/** Files between two chances for others to run. */
const batch = 1000;

/**
 * Bytes on disk of files and trees, as du(1) counts them: blocks, files with several names once. What is missing counts
 * nothing; no link is followed.
 */
export async function diskUsage(paths: readonly string[]): Promise<number> {
  const seen = new Set<string>();
  const queue = paths.map((path) => Buffer.from(path));
  let blocks = 0n;
  for (let count = 1; ; count++) {
    const path = queue.pop();
    if (!path) {
      return Number(blocks * blockSize);
    }
    if (count % batch === 0) {
      await setImmediate();
    }
    const status = statusOf(path);
    if (!status || isCounted(status, seen)) {
      continue;
    }
    blocks += status.blocks;
    if (status.isDirectory()) {
      for (const name of readdirSync(path, { encoding: 'buffer' })) {
        queue.push(Buffer.concat([path, Buffer.from('/'), name]));
      }
    }
  }
}

function isCounted(status: BigIntStats, seen: Set<string>): boolean {
  if (status.isDirectory() || status.nlink < 2n) {
    return false;
  }
  const key = `${status.dev}:${status.ino}`;
  if (seen.has(key)) {
    return true;
  }
  seen.add(key);
  return false;
}

function statusOf(path: Buffer): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (failedWith(error, 'ENOENT')) {
      return undefined;
    }
    throw error;
  }
}

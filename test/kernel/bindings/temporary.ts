import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';

export interface TemporaryFolder {
  path: string;
  fd: number;
}

/** A folder of its own for one test, with a descriptor on it; both go away with the test. */
export function temporaryFolder(t: TestContext): TemporaryFolder {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-bindings-'));
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  t.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  });
  return { path: folder, fd };
}

/** What tests of the client share: a session with a registry on loopback, and little patience. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import type { RegistryParams } from '../../../helper/protocol/images.js';
import { type Access, type RegistryEnvironment, withSession } from '../../../helper/registry/connect.js';
import type { Session } from '../../../helper/registry/session.js';

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-registry-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** An environment in which nothing of this machine's user counts. */
export function impatient(t: TestContext, variables: NodeJS.ProcessEnv = {}): RegistryEnvironment {
  return {
    variables,
    home: temporaryFolder(t),
    timeouts: {
      connectMilliseconds: 2000,
      headersMilliseconds: 300,
      workMilliseconds: 2000,
      bodyMilliseconds: 300,
      documentMilliseconds: 600,
      partMilliseconds: 600,
    },
    retry: { attempts: 3, firstDelayMilliseconds: 10, longestDelayMilliseconds: 500 },
  };
}

export async function inSession<T>(
  t: TestContext,
  params: RegistryParams,
  action: (session: Session) => Promise<T>,
  {
    access = 'pull',
    environment = impatient(t),
    signal = new AbortController().signal,
  }: {
    access?: Access;
    environment?: RegistryEnvironment;
    signal?: AbortSignal;
  } = {},
): Promise<T> {
  return await withSession(params, access, environment, signal, action);
}

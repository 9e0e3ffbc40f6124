import { homedir } from 'node:os';
import type { RegistryParams } from '../protocol/images.js';
import { checkCredentials, findCredential } from './credentials.js';
import { parseReference } from './reference.js';
import { defaultRetryPolicy, type RetryPolicy } from './retry.js';
import { Session } from './session.js';
import { defaultTimeouts, type Timeouts, Transport } from './transport.js';

/** What a machine gives to talk to registries with. */
export interface RegistryEnvironment {
  /** Proxies, certificates, and where accounts are kept. */
  variables: NodeJS.ProcessEnv;
  home: string;
  timeouts: Timeouts;
  retry: RetryPolicy;
}

export function registryEnvironment(): RegistryEnvironment {
  return { variables: process.env, home: homedir(), timeouts: defaultTimeouts, retry: defaultRetryPolicy };
}

export type Access = 'pull' | 'pull,push';

/**
 * Does something with a repository, and leaves no connection open.
 * @param more repositories that are only read, such as one to mount blobs from.
 * @throws TerrariumError Invalid (reference, environment), and what `action` throws.
 */
export async function withSession<T>(
  { reference: text, credentials, insecure }: RegistryParams,
  access: Access,
  { variables, home, timeouts, retry }: RegistryEnvironment,
  signal: AbortSignal,
  action: (session: Session) => Promise<T>,
  more: readonly string[] = [],
): Promise<T> {
  const reference = parseReference(text);
  const given = credentials && checkCredentials(credentials);
  const transport = await Transport.open(variables, timeouts);
  try {
    const session = await Session.open({
      reference,
      insecure: insecure === true,
      scopes: [
        `repository:${reference.repository}:${access}`,
        ...more.map((repository) => `repository:${repository}:pull`),
      ],
      findCredential: async () =>
        given ? { credential: given, problems: [] } : await findCredential(reference, variables, home, signal),
      transport,
      retry,
      signal,
    });
    return await action(session);
  } finally {
    await transport.close();
  }
}

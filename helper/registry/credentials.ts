import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isCancelled } from '../image/failure.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { RegistryCredentials } from '../protocol/images.js';
import { askHelper, type Credential } from './credentialHelper.js';

/** config.json of Docker, and containers-auth.json(5), which is the same without most of it. */
const configurationSchema = z.looseObject({
  auths: z
    .record(
      z.string(),
      z.looseObject({
        auth: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});
type Configuration = z.infer<typeof configurationSchema>;

export interface FoundCredential {
  credential?: Credential;
  /** Places that could not be asked, each in a sentence: told when access is refused. */
  problems: string[];
}

/**
 * Looks for the account that other tools use for a repository: in podman's auth.json, then in Docker's config.json.
 * What cannot be read is no failure by itself, since most images need no account.
 * @param registry as in `Reference`
 */
export async function findCredential(
  { registry, repository }: { registry: string; repository: string },
  environment: NodeJS.ProcessEnv,
  home: string,
  signal: AbortSignal,
): Promise<FoundCredential> {
  const problems: string[] = [];
  for (const file of configurationFiles(environment, home)) {
    const configuration = await readConfiguration(file, problems);
    if (configuration === undefined) continue;
    const credential = await lookUp(configuration, registry, repository, async (helper, server) => {
      try {
        return await askHelper(helper, server, environment, signal);
      } catch (error) {
        if (isCancelled(error)) throw error;
        problems.push(error instanceof Error ? error.message : String(error));
        return undefined;
      }
    });
    if (credential !== undefined) return { credential, problems };
  }
  return { problems };
}

/** Those that may hold accounts, in the order in which they count. */
export function configurationFiles(environment: NodeJS.ProcessEnv, home: string): string[] {
  const { REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, DOCKER_CONFIG } = environment;
  return [
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'containers', 'auth.json')] : []),
    join(XDG_CONFIG_HOME || join(home, '.config'), 'containers', 'auth.json'),
    join(DOCKER_CONFIG || join(home, '.docker'), 'config.json'),
  ];
}

async function readConfiguration(file: string, problems: string[]): Promise<Configuration | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') problems.push(`${file} cannot be read: ${message}.`);
    return undefined;
  }
  try {
    return configurationSchema.parse(JSON.parse(text));
  } catch {
    // Not what the parser says: it quotes the text, and that holds passwords.
    problems.push(`${file} is not a configuration of Docker or podman.`);
    return undefined;
  }
}

/** What Docker has always called its own registry. */
const dockerHubServer = 'https://index.docker.io/v1/';

type AskHelper = (helper: string, server: string) => Promise<Credential | undefined>;

async function lookUp(
  { auths = {}, credHelpers = {}, credsStore }: Configuration,
  registry: string,
  repository: string,
  ask: AskHelper,
): Promise<Credential | undefined> {
  const names = registry === 'docker.io' ? [dockerHubServer, 'index.docker.io', 'docker.io'] : [registry];
  // The server's own helper comes before the store of all, as for Docker.
  for (const name of names) {
    const helper = credHelpers[name];
    if (helper !== undefined) return await ask(helper, name);
  }
  if (credsStore) {
    const server = registry === 'docker.io' ? dockerHubServer : registry;
    const credential = await ask(credsStore, server);
    if (credential !== undefined) return credential;
  }
  const entry = narrowest(auths, names, repository);
  return entry && decode(entry);
}

type Entry = NonNullable<Configuration['auths']>[string];

/** auth.json may name a repository or what lies above it; keys of old Docker files are addresses. */
function narrowest(auths: Record<string, Entry>, names: readonly string[], repository: string): Entry | undefined {
  const byName = new Map(Object.entries(auths).map(([key, entry]) => [normalized(key), entry]));
  const parts = repository.split('/');
  for (let count = parts.length; count >= 0; count--) {
    for (const name of names) {
      const entry = byName.get([normalized(name), ...parts.slice(0, count)].join('/'));
      if (entry !== undefined) return entry;
    }
  }
  return undefined;
}

/** Without scheme, and without the path of the API where one is named. */
function normalized(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/(?:v[12]\/?)?$/, '');
}

function decode({ auth, username, password, identitytoken }: Entry): Credential | undefined {
  const decoded = auth === undefined ? '' : Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  const user = colon === -1 ? (username ?? '') : decoded.slice(0, colon);
  if (identitytoken) return { username: user, secret: identitytoken, isIdentityToken: true };
  const secret = colon === -1 ? password : decoded.slice(colon + 1);
  return user === '' || secret === undefined || secret === ''
    ? undefined
    : { username: user, secret, isIdentityToken: false };
}

/** Credentials that were given. @throws TerrariumError Invalid for what no registry can be told (RFC 7617, 2). */
export function checkCredentials({ username, password }: RegistryCredentials): Credential {
  if (username === '' || /[:\p{Cc}]/u.test(username) || password === '') {
    throw terrariumError(ErrorCode.Invalid, 'User name and password cannot be used', {
      cause: 'A user name has no colon and no control characters, and neither is empty.',
    });
  }
  return { username, secret: password, isIdentityToken: false };
}

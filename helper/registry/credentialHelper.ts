import { spawn } from 'node:child_process';
import { z } from 'zod';
import { cancelled } from '../image/failure.js';

/** What a credential helper or a configuration file says of an account. */
export interface Credential {
  username: string;
  /** Password, or with `isIdentityToken` a refresh token of OAuth 2. */
  secret: string;
  isIdentityToken: boolean;
}

const answerSchema = z.object({ Username: z.string(), Secret: z.string() });

/** What helpers say, with an exit status that is not 0, when they have nothing. */
const nothingFound = 'credentials not found in native keychain';
/** The user name that marks a refresh token. */
const identityTokenUser = '<token>';

/** Unlocking a keyring may need a person. */
const patienceMilliseconds = 60_000;
const longestAnswer = 256 * 1024;

/** What helpers need: a way to keyrings and to the clouds they ask. Nothing else of ours reaches them. */
const passedOn =
  /^(PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TMPDIR|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|DBUS_SESSION_BUS_ADDRESS|XDG_\w+|GNUPGHOME|GPG_TTY|PASSWORD_STORE_\w+|DOCKER_CONFIG|AWS_\w+|GOOGLE_\w+|CLOUDSDK_\w+|AZURE_\w+|SSL_CERT_(?:FILE|DIR)|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)$/;

/**
 * Asks `docker-credential-NAME get`, without a shell. See github.com/docker/docker-credential-helpers.
 * @param server what the account is for, as the helper knows it.
 * @returns undefined when it knows no account.
 * @throws Error that says in a sentence why it cannot be asked.
 */
export async function askHelper(
  name: string,
  server: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Credential | undefined> {
  if (!/^[\w.-]+$/.test(name)) throw new Error(`${JSON.stringify(name)} cannot name a credential helper.`);
  const program = `docker-credential-${name}`;
  const { output, status } = await execute(program, server, environment, signal);
  if (status !== 0) {
    if (output.includes(nothingFound)) return undefined;
    throw new Error(`${program} failed: ${output.trim().slice(0, 200) || `exit status ${status}`}.`);
  }
  const answer = answerSchema.safeParse(parseJson(output));
  if (!answer.success) throw new Error(`${program} gave an answer that cannot be understood.`);
  const { Username: username, Secret: secret } = answer.data;
  return { username, secret, isIdentityToken: username === identityTokenUser };
}

function execute(
  program: string,
  input: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<{ output: string; status: number }> {
  const env = Object.fromEntries(Object.entries(environment).filter(([name]) => passedOn.test(name)));
  return new Promise((resolve, reject) => {
    const end = AbortSignal.any([signal, AbortSignal.timeout(patienceMilliseconds)]);
    const child = spawn(program, ['get'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      cwd: '/',
      env,
      signal: end,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > longestAnswer) child.kill('SIGKILL');
    });
    // A helper may end without reading what it is asked.
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdin.end(`${input}\n`);
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(cancelled());
      else if (end.aborted) reject(new Error(`${program} did not answer in time.`));
      else if (error.code === 'ENOENT') reject(new Error(`${program} is not installed.`));
      else reject(new Error(`${program} cannot be run: ${error.message}.`));
    });
    child.once('close', (code, killedBy) => {
      if (code === null) reject(new Error(`${program} was ended by ${killedBy}.`));
      else resolve({ output, status: code });
    });
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

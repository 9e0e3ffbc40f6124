import { z } from 'zod';
import type { Challenge } from './challenge.js';
import type { Credential } from './credentialHelper.js';
import type { FoundCredential } from './credentials.js';
import { unauthorized, unavailable } from './failure.js';
import { type RetryPolicy, retried } from './retry.js';
import { checkStatus } from './status.js';
import { discard, type HttpResponse, type Transport } from './transport.js';

export interface AuthorizerOptions {
  transport: Transport;
  /** Of the registry: what it answers with is only believed from there. */
  origin: string;
  /** What is needed, such as `repository:library/debian:pull`. */
  scopes: readonly string[];
  /** Asked once, when the registry wants to know who asks. */
  findCredential: () => Promise<FoundCredential>;
  retry: RetryPolicy;
  signal: AbortSignal;
}

const tokenSchema = z.looseObject({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().nonnegative().optional(),
});
const largestToken = 1024 * 1024;

/** What a token lives for when its server does not say: distribution-spec's token documentation. */
const usualLifeSeconds = 60;
/** Tokens are renewed when they are about to end: a request takes a while, and clocks differ. */
const marginMilliseconds = 5_000;

interface Authorization {
  header: string;
  /** performance.now() from which on it is no longer used. */
  endsAt: number;
}

/**
 * Answers what a registry asks for, by Basic or by tokens (RFC 6750, distribution's token authentication). An account's
 * password goes to the registry itself or, since that is how tokens work, to the token server that it names, never to
 * another host: see `checkRealm`.
 */
export class Authorizer {
  private authorization: Promise<Authorization> | undefined;
  private challenge: Challenge | undefined;
  private found: Promise<FoundCredential> | undefined;

  constructor(private readonly options: AuthorizerOptions) {}

  /** What to send with a request to the registry, as far as is known. */
  async header(): Promise<string | undefined> {
    const authorization = await this.authorization;
    if (authorization === undefined || this.challenge === undefined) return undefined;
    if (authorization.endsAt > performance.now()) return authorization.header;
    return await this.renew(this.challenge, authorization.header);
  }

  /**
   * After a 401. Several requests may be refused at once: only the first asks for a new token.
   * @param refused the header that was sent.
   * @throws TerrariumError Unauthorized
   */
  async answer(challenges: readonly Challenge[], refused: string | undefined): Promise<string> {
    const challenge = preferred(challenges);
    if (challenge === undefined) {
      const schemes = challenges.map(({ scheme }) => JSON.stringify(scheme.slice(0, 30))).join(', ') || 'none';
      throw unauthorized(
        `${this.host} asks for a way of authentication that is not known here`,
        `It offers ${schemes}, and not Bearer or Basic.`,
      );
    }
    return await this.renew(challenge, refused);
  }

  private async renew(challenge: Challenge, refused: string | undefined): Promise<string> {
    const before = this.authorization;
    const current = await before;
    if (this.authorization !== before) return await this.renew(challenge, refused);
    if (current !== undefined && current.header !== refused) return current.header;
    this.challenge = challenge;
    const authorization = this.authorize(challenge);
    this.authorization = authorization;
    try {
      return (await authorization).header;
    } catch (error) {
      // The next request tries again instead of failing with this.
      if (this.authorization === authorization) this.authorization = undefined;
      throw error;
    }
  }

  /** What could not be asked for an account: why access is refused, perhaps. */
  async problems(): Promise<readonly string[]> {
    return (await this.found)?.problems ?? [];
  }

  private get host(): string {
    return new URL(this.options.origin).host;
  }

  private async authorize(challenge: Challenge): Promise<Authorization> {
    this.found ??= this.options.findCredential();
    const { credential, problems } = await this.found;
    if (challenge.scheme === 'bearer') return await this.fetchToken(challenge, credential);
    if (credential === undefined || credential.isIdentityToken) {
      throw unauthorized(`${this.host} wants user name and password`, 'There are none for it.', problems);
    }
    return { header: basic(credential), endsAt: Number.POSITIVE_INFINITY };
  }

  private async fetchToken(challenge: Challenge, credential: Credential | undefined): Promise<Authorization> {
    const realm = checkRealm(challenge.parameters.get('realm'), this.options.origin);
    const service = challenge.parameters.get('service');
    const asked = challenge.parameters.get('scope')?.split(' ') ?? [];
    const scopes = [...new Set([...this.options.scopes, ...asked])].filter((scope) => scope !== '');
    const { retry, signal } = this.options;
    const startedAt = performance.now();
    const answer = await retried(
      async () => this.readToken(await this.askForToken(realm, service, scopes, credential), credential),
      retry,
      signal,
    );
    const token = answer.token || answer.access_token;
    // What else would be in it could be a header of its own.
    if (!token || !/^[\x21-\x7e]+$/.test(token)) {
      throw unavailable(`The token server of ${this.host} gave no token`, 'Its answer has none that can be used.');
    }
    const life = (answer.expires_in ?? usualLifeSeconds) * 1000;
    return { header: `Bearer ${token}`, endsAt: startedAt + Math.max(life - marginMilliseconds, life / 2) };
  }

  private async askForToken(
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    credential: Credential | undefined,
  ): Promise<HttpResponse> {
    const { transport, signal } = this.options;
    if (credential?.isIdentityToken) {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: 'terrarium',
        refresh_token: credential.secret,
        scope: scopes.join(' '),
        ...(service === undefined ? {} : { service }),
      });
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return await transport.send(realm, { method: 'POST', headers, body: form.toString(), signal });
    }
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    if (credential === undefined) return await transport.send(url, { method: 'GET', signal });
    url.searchParams.set('account', credential.username);
    return await transport.send(url, { method: 'GET', headers: { authorization: basic(credential) }, signal });
  }

  private async readToken(
    response: HttpResponse,
    credential: Credential | undefined,
  ): Promise<z.infer<typeof tokenSchema>> {
    const { signal, transport } = this.options;
    if ([400, 401, 403].includes(response.status)) {
      await discard(response);
      throw unauthorized(
        `${this.host} does not let ${credential === undefined ? 'everybody' : 'this account'} do this`,
        credential === undefined
          ? 'Its token server gives no token without an account.'
          : 'Its token server does not take user name and password.',
        await this.problems(),
      );
    }
    // A redirect would take the password along.
    await checkStatus(response, [200], { transport, signal });
    const body = await transport.read(response, largestToken, signal);
    const parsed = body === undefined ? undefined : tokenSchema.safeParse(parseJson(body));
    if (!parsed?.success) {
      throw unavailable(`The token server of ${this.host} gave no token`, 'Its answer cannot be understood.');
    }
    return parsed.data;
  }
}

/** Tokens first: they last for a while and are for one repository. */
function preferred(challenges: readonly Challenge[]): Challenge | undefined {
  const withScheme = (wanted: string) => challenges.find(({ scheme }) => scheme === wanted);
  return withScheme('bearer') ?? withScheme('basic');
}

/**
 * A registry may name a token server elsewhere: Docker Hub, GitLab and others do. Whoever controls the registry could
 * ask for the password itself, so a registry known by its certificate is believed. Nobody in between may profit: the
 * realm must be https; where the registry itself is spoken to without TLS, its own host may be asked without, too. What
 * redirects lead to is never believed (CVE-2020-15157): no challenge of theirs comes here.
 * @returns the realm
 * @throws TerrariumError Unavailable
 */
export function checkRealm(realm: string | undefined, origin: string): URL {
  const { host, hostname, protocol } = new URL(origin);
  if (realm === undefined || !URL.canParse(realm) || !/^https?:/i.test(realm)) {
    throw unavailable(`${host} names no token server that can be asked`, 'The realm of its challenge is no address.');
  }
  const url = new URL(realm);
  if (url.username !== '' || url.password !== '') {
    throw unavailable(`${host} names a token server that is not asked`, 'The realm of its challenge holds a password.');
  }
  if (url.protocol === 'http:' && (protocol !== 'http:' || url.hostname !== hostname)) {
    throw unavailable(
      `${host} names a token server without encryption, which is not asked: ${url.host}`,
      'Passwords and tokens could be read on the way.',
    );
  }
  url.hash = '';
  return url;
}

function basic({ username, secret }: Credential): string {
  return `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

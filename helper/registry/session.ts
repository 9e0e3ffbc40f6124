import { cancelled } from '../image/failure.js';
import { Authorizer } from './authorizer.js';
import { parseChallenges } from './challenge.js';
import type { FoundCredential } from './credentials.js';
import { networkCode, unavailable } from './failure.js';
import { apiHost, isLoopback, type Reference } from './reference.js';
import { type RetryPolicy, retried, Transient } from './retry.js';
import { checkStatus } from './status.js';
import { discard, type HttpRequest, type HttpResponse, headerOf, type Transport } from './transport.js';

export interface SessionOptions {
  reference: Reference;
  /** Speak http to it when it does not speak https, wherever it is. */
  insecure: boolean;
  scopes: readonly string[];
  findCredential: () => Promise<FoundCredential>;
  transport: Transport;
  retry: RetryPolicy;
  signal: AbortSignal;
}

export interface Exchange {
  method: HttpRequest['method'];
  headers?: Readonly<Record<string, string>>;
  /** Made again for each attempt. */
  body?: () => HttpRequest['body'];
  isWork?: boolean;
  /** Statuses that are an answer; all others are failures. */
  expected: readonly number[];
  /** What is asked for, in words, when it is not the reference. */
  subject?: string;
}

const mostRedirects = 5;

/**
 * Requests about one repository: authorized, redirected, tried again. What authorizes them goes to the registry's own
 * origin (scheme, host and port) and nowhere else.
 */
export class Session {
  private constructor(
    private readonly options: SessionOptions,
    /** Of the registry, such as `https://registry-1.docker.io`. */
    readonly origin: string,
    private readonly authorizer: Authorizer,
  ) {}

  /** Finds out how the registry is spoken to. Without a choice it is not contacted yet. */
  static async open(options: SessionOptions): Promise<Session> {
    const host = apiHost(options.reference.registry);
    const mayBePlain = options.insecure || isLoopback(new URL(`http://${host}`).hostname);
    const isPlain = mayBePlain && !(await speaksTls(new URL(`https://${host}/v2/`), options));
    // As addresses have it: in small letters, without the usual port.
    const { origin } = new URL(`${isPlain ? 'http' : 'https'}://${host}`);
    return new Session(options, origin, new Authorizer({ ...options, origin }));
  }

  /** The same for a part of the work that may end earlier. */
  until(signal: AbortSignal): Session {
    return new Session({ ...this.options, signal }, this.origin, this.authorizer);
  }

  get transport(): Transport {
    return this.options.transport;
  }

  get signal(): AbortSignal {
    return this.options.signal;
  }

  get reference(): Reference {
    return this.options.reference;
  }

  /** An address of the repository: `url('blobs', digest)`. */
  url(...parts: readonly string[]): URL {
    return new URL(`/v2/${this.options.reference.repository}/${parts.join('/')}`, this.origin);
  }

  /** An exchange that is tried again when it fails in passing. @throws TerrariumError */
  async request(url: URL, exchange: Exchange): Promise<HttpResponse> {
    return await this.retried(() => this.exchange(url, exchange));
  }

  async retried<T>(attempt: (progress: () => void) => Promise<T>): Promise<T> {
    return await retried(attempt, this.options.retry, this.signal);
  }

  /**
   * One attempt. GET and HEAD follow redirects, without what authorizes when they lead to another origin.
   * @throws Transient, or TerrariumError.
   */
  async exchange(url: URL, exchange: Exchange): Promise<HttpResponse> {
    let at = url;
    for (let redirects = 0; ; redirects++) {
      const response = await this.authorized(at, exchange);
      const isRedirect = [301, 302, 303, 307, 308].includes(response.status);
      if (!isRedirect || (exchange.method !== 'GET' && exchange.method !== 'HEAD')) {
        await checkStatus(response, exchange.expected, {
          transport: this.transport,
          signal: this.signal,
          subject: exchange.subject ?? this.subject,
          problems: await this.authorizer.problems(),
          isElsewhere: at.origin !== this.origin,
        });
        return response;
      }
      await discard(response);
      if (redirects === mostRedirects) {
        throw unavailable(`${url.host} leads from one address to another`, `It does so ${mostRedirects} times.`);
      }
      at = checkLink(headerOf(response, 'location'), at);
    }
  }

  private get subject(): string {
    const { registry, repository, tag, digest } = this.options.reference;
    return `${registry}/${repository}${digest === undefined ? `:${tag}` : `@${digest}`}`;
  }

  /** A refusal is answered once: tokens end, also in the middle of a pull. */
  private async authorized(url: URL, { method, headers, body, isWork }: Exchange): Promise<HttpResponse> {
    const send = (authorization: string | undefined) =>
      this.transport.send(url, {
        method,
        headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
        body: body?.(),
        ...(isWork === undefined ? {} : { isWork }),
        signal: this.signal,
      });
    if (url.origin !== this.origin) return await send(undefined);
    const authorization = await this.authorizer.header();
    const response = await send(authorization);
    if (response.status !== 401) return response;
    const challenges = parseChallenges(response.headers['www-authenticate']);
    if (challenges.length === 0) return response;
    await discard(response);
    return await send(await this.authorizer.answer(challenges, authorization));
  }
}

/** Errors of a server that hears TLS and does not know it, of nobody at the port of https, of a proxy that refuses. */
const noTls = /^(EPROTO|ERR_SSL_\w+|ECONNRESET|ECONNREFUSED|UND_ERR_SOCKET|UND_ERR_ABORTED)$/;

async function speaksTls(url: URL, { transport, signal }: SessionOptions): Promise<boolean> {
  try {
    await discard(await transport.send(url, { method: 'GET', signal }));
    return true;
  } catch (error) {
    const failure = error instanceof Transient ? error.failure : error;
    const code = (failure as { data?: { errno?: string } }).data?.errno ?? networkCode(failure);
    if (code !== undefined && noTls.test(code)) return false;
    throw signal.aborted ? cancelled() : failure;
  }
}

/**
 * Where an answer's `Location` leads. Never from https to http, never to this machine from another one, and never with
 * a password in it.
 * @throws TerrariumError Unavailable
 */
export function checkLink(location: string | undefined, from: URL): URL {
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw unavailable(`${from.host} leads nowhere`, 'It redirects without an address that can be used.');
  }
  const to = new URL(location, from);
  const refuse = (cause: string) => unavailable(`${from.host} leads to ${to.host}, which is not followed`, cause);
  if (to.protocol !== 'https:' && !(to.protocol === 'http:' && from.protocol === 'http:')) {
    throw refuse('From https only https is followed.');
  }
  if (isLoopback(to.hostname) && !isLoopback(from.hostname)) throw refuse('That is on this machine.');
  if (to.username !== '' || to.password !== '') throw refuse('The address holds a password.');
  return to;
}

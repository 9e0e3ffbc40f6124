import { createSecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import { cancelled } from '../image/failure.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import { trustedAuthorities } from './certificates.js';
import { networkFailure } from './failure.js';
import { isLoopback } from './reference.js';

export interface Timeouts {
  connectMilliseconds: number;
  /** From a request to the head of its answer. */
  headersMilliseconds: number;
  /** The same where the server has work to do first, such as to compute the digest of an upload. */
  workMilliseconds: number;
  /** Between two pieces of an answer. */
  bodyMilliseconds: number;
  /** For a document as a whole. */
  documentMilliseconds: number;
  /** For each part of a blob, of `leastBytes`. */
  partMilliseconds: number;
}

/** What a blob has to bring in `Timeouts.partMilliseconds`: who is slower than that means to hold us. */
export const leastBytes = 64 * 1024;

export const defaultTimeouts: Timeouts = {
  connectMilliseconds: 15_000,
  headersMilliseconds: 30_000,
  workMilliseconds: 300_000,
  bodyMilliseconds: 30_000,
  documentMilliseconds: 60_000,
  partMilliseconds: 60_000,
};

/** An answer that goes on, and gets nowhere. */
export class TooSlow extends Error {
  readonly code = 'ETIMEDOUT';

  constructor() {
    super('it answers too slowly');
  }
}

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  headers?: Readonly<Record<string, string>>;
  body?: Dispatcher.DispatchOptions['body'];
  /** It may take long: see `Timeouts`. */
  isWork?: boolean;
  signal: AbortSignal;
}

export interface HttpResponse {
  /** What was asked, for relative links in the answer. */
  url: URL;
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Dispatcher.ResponseData['body'];
}

/** Several layers at a time, and a token meanwhile. */
const connectionsPerHost = 8;

/**
 * HTTP for the requests of one pull or push. It follows no redirect and keeps no state but open connections. Proxies of
 * the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) are used, except for this machine itself.
 */
export class Transport {
  private constructor(
    private readonly proxied: Dispatcher,
    private readonly direct: Dispatcher,
    readonly timeouts: Timeouts,
  ) {}

  /** @throws TerrariumError Invalid when the environment names certificates or proxies that cannot be used. */
  static async open(environment: NodeJS.ProcessEnv, timeouts: Timeouts = defaultTimeouts): Promise<Transport> {
    // Loaded by the first pull: the helper starts faster without.
    const { Agent, EnvHttpProxyAgent } = await import('undici');
    const tls = {
      secureContext: createSecureContext({ ca: await trustedAuthorities(environment) }),
      timeout: timeouts.connectMilliseconds,
    };
    const options = {
      connections: connectionsPerHost,
      headersTimeout: timeouts.headersMilliseconds,
      bodyTimeout: timeouts.bodyMilliseconds,
      connect: tls,
    };
    return new Transport(
      proxiesOf(
        environment,
        (proxies) =>
          new EnvHttpProxyAgent({ ...options, ...proxies, requestTls: tls, proxyTls: tls, proxyTunnel: false }),
      ),
      new Agent(options),
      timeouts,
    );
  }

  /**
   * Sends a request. The body of the answer must be read, or given to `discard`.
   * @throws Transient or TerrariumError Unavailable, when there is no answer.
   */
  async send(url: URL, { method, headers, body, isWork, signal }: HttpRequest): Promise<HttpResponse> {
    const dispatcher = isLoopback(url.hostname) ? this.direct : this.proxied;
    try {
      const answer = await dispatcher.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: { 'user-agent': 'terrarium', ...headers },
        body: body ?? null,
        ...(isWork === true && { headersTimeout: this.timeouts.workMilliseconds }),
        signal,
      });
      return { url, status: answer.statusCode, headers: answer.headers, body: answer.body };
    } catch (error) {
      if (signal.aborted) throw cancelled();
      throw networkFailure(error, url.host);
    }
  }

  /**
   * Reads a body as a whole.
   * @returns undefined when it has more than `limit` bytes.
   * @throws Transient when it is cut off or takes too long.
   */
  async read(response: HttpResponse, limit: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    let size = 0;
    // One byte now and then keeps every other timer from running out.
    const late = setTimeout(() => response.body.destroy(new TooSlow()), this.timeouts.documentMilliseconds);
    try {
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        size += chunk.length;
        // Leaving the loop closes the connection.
        if (size > limit) return undefined;
        chunks.push(chunk);
      }
    } catch (error) {
      if (signal.aborted) throw cancelled();
      throw networkFailure(error, response.url.host);
    } finally {
      clearTimeout(late);
    }
    return Buffer.concat(chunks);
  }

  /** Ends what is open. */
  async close(): Promise<void> {
    await Promise.all([this.proxied.destroy(), this.direct.destroy()]);
  }
}

/** As curl reads them: small letters first. An empty value is none. */
function proxiesOf<T>(
  environment: NodeJS.ProcessEnv,
  use: (proxies: { httpProxy: string; httpsProxy: string; noProxy: string }) => T,
): T {
  const read = (name: string) => environment[name] || environment[name.toUpperCase()] || '';
  try {
    return use({ httpProxy: read('http_proxy'), httpsProxy: read('https_proxy'), noProxy: read('no_proxy') });
  } catch (error) {
    // Not the value: it may hold a password.
    throw terrariumError(ErrorCode.Invalid, 'The proxy that HTTPS_PROXY or HTTP_PROXY names cannot be used', {
      cause: error instanceof Error ? error.message : String(error),
      fix: 'Use an address such as http://proxy.example:3128, or unset the variable.',
    });
  }
}

/** The one value of a header. */
export function headerOf(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** How much of an unwanted answer is read, and for how long, to keep its connection. */
const worthReading = { bytes: 64 * 1024, milliseconds: 2000 };

/** Passes over the body of an answer. */
export async function discard(response: HttpResponse): Promise<void> {
  const signal = AbortSignal.timeout(worthReading.milliseconds);
  // What is not wanted cannot fail: at worst the connection is closed.
  await response.body.dump({ limit: worthReading.bytes, signal }).catch(() => undefined);
}

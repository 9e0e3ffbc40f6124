import type { ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { type Behaviour, type LoopbackRegistry, listen } from './loopbackRegistry.js';

export interface TokenAsked {
  method: string;
  authorization: string | undefined;
  query: URLSearchParams;
}

/** A token server on a port of its own: gives tokens to an account, or to everybody, and remembers who asked. */
export class TokenServer {
  readonly asked: TokenAsked[] = [];
  realm = '';
  /** How many requests a token is good for. */
  uses = Number.POSITIVE_INFINITY;
  expiresIn: number | undefined;
  field: 'token' | 'access_token' = 'token';
  private readonly left = new Map<string, number>();

  private constructor(private readonly account: string | undefined) {}

  static async start(
    t: Pick<TestContext, 'after'>,
    account?: string,
    options: { host?: string; tls?: { cert: string; key: string } } = {},
  ): Promise<TokenServer> {
    const server = new TokenServer(account);
    const host = await listen(
      t,
      (request, response) => {
        const query = new URL(request.url ?? '/', 'http://tokens').searchParams;
        server.answer({ method: request.method ?? '', authorization: request.headers.authorization, query }, response);
      },
      options,
    );
    server.realm = `${options.tls === undefined ? 'http' : 'https'}://${host}/token`;
    return server;
  }

  /** Makes a registry ask for tokens of this server. */
  guard(registry: LoopbackRegistry): void {
    registry.behaviours.push(this.behaviour);
  }

  private readonly behaviour: Behaviour = ({ authorization, path }, response) => {
    if (path === '/v2/') return false;
    const token = /^Bearer (.*)$/.exec(authorization ?? '')?.[1] ?? '';
    const left = this.left.get(token) ?? 0;
    this.left.set(token, left - 1);
    if (left > 0) return false;
    const [, repository = ''] = /^\/v2\/(.+?)\/(?:manifests|blobs)\//.exec(path) ?? [];
    const challenge = `Bearer realm="${this.realm}",service="test",scope="repository:${repository}:pull"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return true;
  };

  private answer(asked: TokenAsked, response: ServerResponse): void {
    this.asked.push(asked);
    const expected = this.account && `Basic ${Buffer.from(this.account).toString('base64')}`;
    if (expected !== undefined && asked.authorization !== expected) {
      response.writeHead(401).end();
      return;
    }
    const token = `token-${this.asked.length}`;
    this.left.set(token, this.uses);
    const body = { [this.field]: token, ...(this.expiresIn === undefined ? {} : { expires_in: this.expiresIn }) };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }
}

/** A registry of our own on loopback, which misbehaves when a test says so, and remembers what it was asked. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Descriptor } from '../../../helper/image/layout.js';
import { paxArchive, type RawEntry } from '../image/rawTar.js';

export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  authorization: string | undefined;
  range: string | undefined;
  body: Buffer;
}

/** Answers a request, or leaves it to what the registry does otherwise by answering false. */
export type Behaviour = (request: Seen, response: ServerResponse) => boolean | Promise<boolean>;

export const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

export const sha256 = (bytes: Buffer | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A server that ends with its test, open connections and all. */
export async function listen(
  t: Pick<TestContext, 'after'>,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  { host = '127.0.0.1', tls }: { host?: string; tls?: { cert: string; key: string } } = {},
): Promise<string> {
  const server: Server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `${host}:${(server.address() as AddressInfo).port}`;
}

export class LoopbackRegistry {
  readonly seen: Seen[] = [];
  readonly blobs = new Map<string, Buffer>();
  /** By `REPOSITORY:TAG` and `REPOSITORY@DIGEST`. */
  readonly manifests = new Map<string, { mediaType: string; bytes: Buffer }>();
  /** Asked first, one after the other. */
  readonly behaviours: Behaviour[] = [];
  readonly uploads = new Map<string, Buffer>();
  /** `127.0.0.1:PORT` */
  host = '';

  private constructor(readonly scheme: 'http' | 'https') {}

  static async start(
    t: Pick<TestContext, 'after'>,
    options: { host?: string; tls?: { cert: string; key: string } } = {},
  ): Promise<LoopbackRegistry> {
    const registry = new LoopbackRegistry(options.tls === undefined ? 'http' : 'https');
    registry.host = await listen(t, (request, response) => void registry.handle(request, response), options);
    return registry;
  }

  /** Stores an image whose layers hold these files, bottom first. */
  addImage(
    name: string,
    layers: readonly (readonly RawEntry[])[],
    platform: { os: string; architecture: string; variant?: string } = {
      os: 'linux',
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    },
  ): { digest: string; manifest: Buffer; layers: Descriptor[] } {
    const tars = layers.map((entries) => paxArchive(entries));
    const stored = tars.map((tar) => this.addBlob(types.layer, gzipSync(tar)));
    const config = Buffer.from(
      JSON.stringify({ ...platform, config: {}, rootfs: { type: 'layers', diff_ids: tars.map(sha256) } }),
    );
    const manifest = {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: this.addBlob(types.config, config),
      layers: stored,
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    return { ...this.addManifest(name, types.manifest, bytes), manifest: bytes, layers: stored };
  }

  addBlob(mediaType: string, bytes: Buffer): Descriptor {
    const digest = sha256(bytes);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  addManifest(name: string, mediaType: string, bytes: Buffer): { digest: string } {
    const digest = sha256(bytes);
    this.manifests.set(name, { mediaType, bytes });
    this.manifests.set(`${name.slice(0, name.lastIndexOf(':'))}@${digest}`, { mediaType, bytes });
    return { digest };
  }

  /** Requests so far, as `METHOD PATH`. */
  asked(pattern: RegExp): Seen[] {
    return this.seen.filter(({ method, path }) => pattern.test(`${method} ${path}`));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://registry');
    const seen: Seen = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      authorization: request.headers.authorization,
      range: request.headers.range,
      body: Buffer.alloc(0),
    };
    this.seen.push(seen);
    try {
      seen.body = await buffer(request);
    } catch {
      // The client has gone in the middle: it is remembered that it began.
      return;
    }
    for (const behaviour of this.behaviours) if (await behaviour(seen, response)) return;
    this.answer(seen, response);
  }

  private answer(seen: Seen, response: ServerResponse): void {
    const { method, path } = seen;
    if (path === '/v2/') {
      response.writeHead(200).end();
      return;
    }
    const [, repository = '', kind, key = ''] = /^\/v2\/(.+?)\/(manifests|blobs)\/(.*)$/.exec(path) ?? [];
    if (kind === 'manifests') this.answerManifest(seen, repository, key, response);
    else if (kind === 'blobs' && (method === 'GET' || method === 'HEAD') && !key.startsWith('uploads/')) {
      this.answerBlob(seen, key, response);
    } else if (kind === 'blobs') this.answerUpload(seen, key, response);
    else fail(response, 404, 'NAME_UNKNOWN');
  }

  private answerManifest({ method, body }: Seen, repository: string, key: string, response: ServerResponse): void {
    if (method === 'PUT') {
      this.addManifest(`${repository}:${key}`, types.manifest, body);
      response.writeHead(201, { location: `/v2/${repository}/manifests/${key}` }).end();
      return;
    }
    const found = this.manifests.get(`${repository}${key.includes(':') ? '@' : ':'}${key}`);
    if (found === undefined) {
      fail(response, 404, 'MANIFEST_UNKNOWN');
      return;
    }
    const headers = { 'content-type': found.mediaType, 'docker-content-digest': sha256(found.bytes) };
    response.writeHead(200, headers).end(found.bytes);
  }

  private answerBlob({ method, range }: Seen, digest: string, response: ServerResponse): void {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) {
      fail(response, 404, 'BLOB_UNKNOWN');
      return;
    }
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? Number.NaN);
    const headers = Number.isNaN(start)
      ? {}
      : { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    const part = bytes.subarray(Number.isNaN(start) ? 0 : start);
    response.writeHead(Number.isNaN(start) ? 200 : 206, { ...headers, 'content-length': part.length });
    response.end(method === 'HEAD' ? undefined : part);
  }

  private answerUpload({ method, path, query, body }: Seen, key: string, response: ServerResponse): void {
    if (method === 'POST') {
      const id = `u${this.uploads.size}`;
      this.uploads.set(id, Buffer.alloc(0));
      response.writeHead(202, { location: `${path}${id}?state=0` }).end();
      return;
    }
    const id = key.slice('uploads/'.length);
    const before = this.uploads.get(id);
    if (before === undefined) {
      fail(response, 404, 'BLOB_UPLOAD_UNKNOWN');
      return;
    }
    const bytes = Buffer.concat([before, body]);
    if (method === 'DELETE') {
      this.uploads.delete(id);
      response.writeHead(204).end();
      return;
    }
    if (method === 'GET') {
      response.writeHead(204, { location: path, range: `0-${Math.max(0, before.length - 1)}` }).end();
      return;
    }
    if (method === 'PATCH') {
      this.uploads.set(id, bytes);
      response.writeHead(202, { location: `${path}?state=${bytes.length}`, range: `0-${bytes.length - 1}` }).end();
      return;
    }
    const digest = query.get('digest') ?? '';
    if (sha256(bytes) !== digest) {
      fail(response, 400, 'DIGEST_INVALID');
      return;
    }
    this.uploads.delete(id);
    this.blobs.set(digest, bytes);
    response.writeHead(201, { location: `/v2/blobs/${digest}` }).end();
  }
}

/** An error as the distribution specification has it. */
export function fail(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  const body = JSON.stringify({ errors: [{ code, message: `test says ${code}` }] });
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}

/** Sends a part of an answer and cuts the connection. */
export function cut(
  response: ServerResponse,
  total: number,
  part: Buffer,
  headers: Record<string, string> = {},
  status = 200,
): void {
  response.writeHead(status, { ...headers, 'content-length': total });
  // Not a reset: what was sent arrives.
  response.write(part, () => response.socket?.end());
}

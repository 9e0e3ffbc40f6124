/** Debian's docker-registry on loopback, and skopeo as another client of it. */
import { execFile, spawn } from 'node:child_process';
import { createSign, randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { freePort } from '../support/freePort.js';
import { eventually } from '../support/wait.js';
import { makeCertificate, missing } from './certificate.js';
import { listen, sha256, types } from './loopbackRegistry.js';

/** Why it cannot be had here, or undefined. */
export const unavailable = (): string | undefined => missing('docker-registry', 'skopeo', 'openssl');

/** Starts one for a test. @param auth lines of its configuration. @returns `127.0.0.1:PORT` */
export async function startDockerRegistry(
  t: TestContext,
  folder: string,
  auth: readonly string[] = [],
): Promise<string> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const lines = [
    'version: 0.1',
    'log: {level: error}',
    'storage:',
    `  filesystem: {rootdirectory: ${folder}/registry}`,
  ];
  const configuration = path.join(folder, 'registry.yml');
  writeFileSync(configuration, [...lines, `http: {addr: ${host}}`, ...auth, ''].join('\n'));
  const child = spawn('docker-registry', ['serve', configuration], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await eventually('docker-registry to listen', () => answers(port));
  return host;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Runs skopeo, without policies of this machine, and answers its standard output. Servers of the test answer meanwhile. */
export async function skopeo(...args: string[]): Promise<string> {
  return (await promisify(execFile)('skopeo', ['--insecure-policy', ...args])).stdout;
}

/** A token server whose tokens docker-registry believes: to one account, for what it asks. */
export async function startRealTokens(
  t: TestContext,
  folder: string,
  account: string,
): Promise<{ auth: string[]; asked: (string | undefined)[] }> {
  const { file, cert, key } = makeCertificate(folder, ['localhost']);
  const asked: (string | undefined)[] = [];
  const host = await listen(t, (request, response: ServerResponse) => {
    asked.push(request.headers.authorization);
    if (request.headers.authorization !== `Basic ${Buffer.from(account).toString('base64')}`) {
      response.writeHead(401).end();
      return;
    }
    const { searchParams } = new URL(request.url ?? '/', 'http://tokens');
    const access = searchParams.getAll('scope').map((scope) => {
      const [type, name, actions = ''] = scope.split(':');
      return { type, name, actions: actions.split(',') };
    });
    response.end(JSON.stringify({ token: sign(access, cert, key), expires_in: 300 }));
  });
  const auth = ['auth:', '  token:', `    realm: http://${host}/token`, '    service: test', '    issuer: tests'];
  return { auth: [...auth, `    rootcertbundle: ${file}`], asked };
}

function sign(access: unknown, cert: string, key: string): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = encode({ typ: 'JWT', alg: 'RS256', x5c: [new X509Certificate(cert).raw.toString('base64')] });
  const claims = { iss: 'tests', sub: 'me', aud: 'test', exp: now + 300, nbf: now - 60, iat: now, jti: randomUUID() };
  const signed = `${head}.${encode({ ...claims, access })}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
}

/** An OCI layout, written by hand. */
export class LayoutFolder {
  constructor(readonly folder: string) {
    mkdirSync(path.join(folder, 'blobs/sha256'), { recursive: true });
    writeFileSync(path.join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }

  blob(mediaType: string, bytes: Buffer) {
    const digest = sha256(bytes);
    writeFileSync(path.join(this.folder, 'blobs/sha256', digest.slice('sha256:'.length)), bytes);
    return { mediaType, digest, size: bytes.length };
  }

  document(mediaType: string, content: object) {
    return this.blob(mediaType, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content })));
  }

  /** @param layers tars, bottom first */
  image(layers: readonly Buffer[], platform: { os: string; architecture: string }) {
    const config = Buffer.from(
      JSON.stringify({ ...platform, config: {}, rootfs: { type: 'layers', diff_ids: layers.map(sha256) } }),
    );
    return this.document(types.manifest, {
      config: this.blob(types.config, config),
      layers: layers.map((tar) => this.blob(types.layer, gzipSync(tar))),
    });
  }

  /** Names a manifest or an index. */
  name(tag: string, descriptor: object): void {
    const named = { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } };
    writeFileSync(path.join(this.folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  }
}

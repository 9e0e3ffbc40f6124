import assert from 'node:assert/strict';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { fetchDocument } from '../../../helper/registry/manifest.js';
import { makeCertificate, missing } from '../../kernel/registry/certificate.js';
import { LoopbackRegistry } from '../../kernel/registry/loopbackRegistry.js';
import { impatient, inSession, temporaryFolder } from './bed.js';

const image = [[{ name: 'etc/', type: '5' }]];
const account = { username: 'me', password: 'x' };

async function encrypted(t: TestContext, names: string[]): Promise<{ registry: LoopbackRegistry; file: string }> {
  const { file, ...tls } = makeCertificate(temporaryFolder(t), names);
  const registry = await LoopbackRegistry.start(t, { tls });
  registry.addImage('a/b:1', image);
  return { registry, file };
}

/** A proxy on loopback to which every name is one server, and what it was asked. */
async function startProxy(t: TestContext, target: LoopbackRegistry): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const [host = '', port = ''] = target.host.split(':');
  const proxy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    const { pathname } = new URL(request.url ?? '');
    const forward = httpRequest({ host, port, path: pathname, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forward);
  });
  proxy.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    const forward = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    forward.on('error', () => socket.destroy());
    socket.on('error', () => forward.destroy());
    socket.pipe(forward).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return { url: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

test('a certificate counts when an authority that the environment names vouches for it', async (t) => {
  const reason = missing('openssl');
  if (reason !== undefined) return t.skip(reason);
  const { registry, file } = await encrypted(t, ['127.0.0.1']);
  const reference = `${registry.host}/a/b:1`;
  for (const variable of ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS']) {
    await inSession(t, { reference }, fetchDocument, { environment: impatient(t, { [variable]: file }) });
  }
  await assert.rejects(inSession(t, { reference, credentials: account }, fetchDocument), (error) => {
    const { code, data } = error as { code: number; data: { cause: string; fix: string } };
    assert.equal(code, ErrorCode.Unavailable);
    assert.match(data.cause, /certificate/);
    assert.match(data.fix, /SSL_CERT_FILE/);
    return true;
  });
  assert.equal(registry.asked(/manifests/).length, 2);
  const other = await encrypted(t, ['other.example']);
  const wrongName = inSession(t, { reference: `${other.registry.host}/a/b:1` }, fetchDocument, {
    environment: impatient(t, { SSL_CERT_FILE: other.file }),
  });
  await assert.rejects(wrongName, { code: ErrorCode.Unavailable });
  assert.deepEqual(other.registry.seen, []);
});

test('a file or a proxy that the environment names and that cannot be used is told', async (t) => {
  const missing = path.join(temporaryFolder(t), 'missing.pem');
  for (const [variables, message] of [
    [{ SSL_CERT_FILE: missing }, /SSL_CERT_FILE/],
    [{ NODE_EXTRA_CA_CERTS: missing }, /NODE_EXTRA_CA_CERTS/],
    [{ HTTPS_PROXY: 'not an address' }, /HTTPS_PROXY/],
  ] as const) {
    const work = inSession(t, { reference: 'localhost:1/a' }, fetchDocument, { environment: impatient(t, variables) });
    await assert.rejects(work, { code: ErrorCode.Invalid, message });
  }
});

test('https goes through the proxy of the environment, and is still encrypted to the registry', async (t) => {
  const reason = missing('openssl');
  if (reason !== undefined) return t.skip(reason);
  const { registry, file } = await encrypted(t, ['registry.invalid']);
  const proxy = await startProxy(t, registry);
  const variables = { HTTPS_PROXY: `http://user:pass@${proxy.url}`, SSL_CERT_FILE: file };
  const work = (more: NodeJS.ProcessEnv = {}) =>
    inSession(t, { reference: 'registry.invalid/a/b:1' }, fetchDocument, {
      environment: impatient(t, { ...variables, ...more }),
    });
  await work();
  const password = `Basic ${Buffer.from('user:pass').toString('base64')}`;
  assert.deepEqual(proxy.asked, [`CONNECT registry.invalid:443 ${password}`]);
  assert.equal(registry.asked(/manifests/).length, 1);
  for (const noProxy of ['registry.invalid', '.invalid', '*']) {
    await assert.rejects(work({ NO_PROXY: noProxy }), { code: ErrorCode.Unavailable }, noProxy);
  }
  assert.equal(proxy.asked.length, 1, 'none of them went through the proxy');
});

test('http, where it is allowed, goes through the proxy too', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.addImage('a/b:1', image);
  const proxy = await startProxy(t, registry);
  const environment = impatient(t, { http_proxy: `http://${proxy.url}`, https_proxy: `http://${proxy.url}` });
  const reference = 'registry.invalid/a/b:1';
  await inSession(t, { reference, insecure: true }, fetchDocument, { environment });
  assert.deepEqual(proxy.asked, ['CONNECT registry.invalid:443', 'GET http://registry.invalid/v2/a/b/manifests/1']);
  await assert.rejects(inSession(t, { reference }, fetchDocument, { environment }), (error) => {
    assert.match((error as { data: { fix: string } }).data.fix, /insecure/);
    return true;
  });
});

test('nothing for this machine goes through a proxy', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.addImage('a/b:1', image);
  const proxy = await startProxy(t, registry);
  const environment = impatient(t, { HTTP_PROXY: `http://${proxy.url}`, HTTPS_PROXY: `http://${proxy.url}` });
  await inSession(t, { reference: `${registry.host}/a/b:1` }, fetchDocument, { environment });
  assert.deepEqual(proxy.asked, []);
});

test('http is spoken only where it is allowed', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.addImage('a/b:1', image);
  const [, port] = registry.host.split(':');
  await inSession(t, { reference: `localhost:${port}/a/b:1` }, fetchDocument);
  // The same machine by a name that is not known to be this one.
  const elsewhere = inSession(t, { reference: `0.0.0.0:${port}/a/b:1`, credentials: account }, fetchDocument);
  await assert.rejects(elsewhere, { code: ErrorCode.Unavailable });
  assert.equal(registry.asked(/manifests/).length, 1);
  await inSession(t, { reference: `0.0.0.0:${port}/a/b:1`, insecure: true }, fetchDocument);
});

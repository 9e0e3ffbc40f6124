import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { makeCertificate, missing } from '../../kernel/registry/certificate.js';
import { LoopbackRegistry, sha256, types } from '../../kernel/registry/loopbackRegistry.js';
import { TokenServer } from '../../kernel/registry/tokens.js';
import { TestHelper } from '../../kernel/support/helper.js';
import { Arena, canary, isTold } from './arena.js';

const arena = new Arena();
const { ErrorCode } = protocol;
const account = `${canary.username}:${canary.password}`;
const image = [[{ name: 'etc/', type: '5' }], [{ name: 'usr/', type: '5' }]];

/** Another host on loopback, to which nothing may be told. */
const startStranger = (t: Parameters<typeof LoopbackRegistry.start>[0]) =>
  LoopbackRegistry.start(t, { host: '127.0.0.2' });

test('what authorizes does not follow a redirect to another host, nor to another port', async (t) => {
  for (const host of ['127.0.0.2', '127.0.0.1']) {
    const registry = await LoopbackRegistry.start(t);
    const storage = await LoopbackRegistry.start(t, { host });
    registry.addImage('a:1', image);
    for (const [digest, bytes] of registry.blobs) storage.blobs.set(digest, bytes);
    const tokens = await TokenServer.start(t, account);
    tokens.guard(registry);
    registry.behaviours.push(({ path: asked }, response) => {
      if (!asked.includes('/blobs/')) return false;
      response.writeHead(307, { location: `http://${storage.host}${asked}` }).end();
      return true;
    });
    await arena.pull(registry, 'a:1');
    assert.ok(registry.seen.some(isTold), 'the registry itself was told');
    assert.ok(storage.asked(/blobs/).length >= 3);
    assert.deepEqual(storage.seen.filter(isTold), []);
    await arena.helper.request(protocol.RemoveImage, { name: 'attack' });
  }
});

test('Basic does not follow one either', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const storage = await startStranger(t);
  registry.addImage('a:1', image);
  for (const [digest, bytes] of registry.blobs) storage.blobs.set(digest, bytes);
  registry.behaviours.push(({ path: asked, authorization }, response) => {
    if (asked === '/v2/') return false;
    if (authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else if (asked.includes('/blobs/')) response.writeHead(302, { location: `http://${storage.host}${asked}` }).end();
    else return false;
    return true;
  });
  await arena.pull(registry, 'a:1');
  assert.ok(registry.seen.some(isTold), 'the registry itself was told');
  assert.deepEqual(storage.seen.filter(isTold), []);
  await arena.helper.request(protocol.RemoveImage, { name: 'attack' });
});

test('CVE-2020-15157: neither addresses in a manifest nor challenges of another host are believed', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const evil = await startStranger(t);
  const tokens = await TokenServer.start(t);
  for (const challenge of [`Bearer realm="${tokens.realm}",service="x"`, 'Basic realm="x"']) {
    evil.behaviours.push((_request, response) => {
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return true;
    });
    const { manifest } = registry.addImage('a:1', image);
    const content = JSON.parse(manifest.toString()) as { layers: object[] };
    const urls = [`http://${evil.host}/layer`];
    const layers = content.layers.map((layer) => ({ ...layer, urls }));
    registry.addManifest('a:1', types.manifest, Buffer.from(JSON.stringify({ ...content, layers })));
    await arena.pull(registry, 'a:1');
    assert.deepEqual(evil.seen, [], 'it was not even asked');
    await arena.helper.request(protocol.RemoveImage, { name: 'attack' });

    // Only foreign: the registry does not have it.
    const foreign = { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', urls };
    const outside = content.layers.map((layer) => ({ ...layer, ...foreign }));
    registry.addManifest('a:2', types.manifest, Buffer.from(JSON.stringify({ ...content, layers: outside })));
    await arena.refuses(registry, 'a:2', { code: ErrorCode.BadInput, message: /type that cannot be used/ });
    assert.deepEqual(evil.seen, []);

    // By a redirect, which is followed.
    registry.addImage('a:3', [[{ name: 'x/', type: '5' }]]);
    registry.behaviours.push(({ path: asked }, response) => {
      if (!asked.includes('/blobs/')) return false;
      response.writeHead(307, { location: `http://${evil.host}${asked}` }).end();
      return true;
    });
    await arena.refuses(registry, 'a:3', { code: ErrorCode.Unavailable, message: /status 401/ });
    assert.ok(evil.seen.length > 0);
    assert.deepEqual([evil.seen.filter(isTold), tokens.asked], [[], []]);
    registry.behaviours.length = 0;
    evil.behaviours.length = 0;
    evil.seen.length = 0;
  }
});

test('a token server without encryption is asked on the own host of a registry without any only', async (t) => {
  const reason = missing('openssl');
  if (reason !== undefined) return t.skip(reason);
  const folder = mkdtempSync(path.join(arena.home.folder, 'tls-'));
  const { file, ...tls } = makeCertificate(folder, ['127.0.0.1', '127.0.0.2']);
  const stranger = await TokenServer.start(t, account, { host: '127.0.0.2' });
  const plain = await LoopbackRegistry.start(t);
  plain.addImage('a:1', image);
  stranger.guard(plain);
  await arena.refuses(plain, 'a:1', { code: ErrorCode.Unavailable, message: /without encryption/ });

  const environment = { ...arena.home.environment, SSL_CERT_FILE: file };
  const helper = await TestHelper.start({ ...arena.home, environment });
  try {
    const pull = (registry: LoopbackRegistry) =>
      helper.request(protocol.PullImage, { reference: `${registry.host}/a:1`, name: 'attack', credentials: canary });
    const encrypted = await LoopbackRegistry.start(t, { tls });
    encrypted.addImage('a:1', image);
    const sameHost = await TokenServer.start(t, account);
    sameHost.guard(encrypted);
    await assert.rejects(pull(encrypted), { code: ErrorCode.Unavailable, message: /without encryption/ });
    assert.deepEqual([stranger.asked, sameHost.asked], [[], []]);

    // With encryption it may be anywhere: that is how Docker Hub works.
    encrypted.behaviours.length = 0;
    const elsewhere = await TokenServer.start(t, account, { host: '127.0.0.2', tls });
    elsewhere.guard(encrypted);
    await pull(encrypted);
    assert.equal(elsewhere.asked.length, 1);
    assert.equal(elsewhere.asked[0]?.authorization, `Basic ${Buffer.from(account).toString('base64')}`);
    await helper.request(protocol.RemoveImage, { name: 'attack' });

    // From https nothing leads to http.
    const storage = await LoopbackRegistry.start(t);
    encrypted.behaviours.push(({ path: asked }, response) => {
      if (!asked.includes('/blobs/')) return false;
      response.writeHead(307, { location: `http://${storage.host}${asked}` }).end();
      return true;
    });
    await assert.rejects(pull(encrypted), { code: ErrorCode.Unavailable, message: /not followed/ });
    assert.deepEqual(storage.seen, []);
  } finally {
    await helper.stop();
  }
});

test('a token server that redirects takes no password along', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const evil = await startStranger(t);
  registry.behaviours.push(({ path: asked }, response) => {
    if (asked === '/v2/') return false;
    if (asked === '/token') response.writeHead(307, { location: `http://${evil.host}/token` }).end();
    else response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token"` }).end();
    return true;
  });
  await arena.refuses(registry, 'a:1', { code: ErrorCode.Unavailable, message: /status 307/ });
  assert.deepEqual(evil.seen, []);
});

test('an upload that is to go elsewhere takes nothing along', async (t) => {
  const source = await LoopbackRegistry.start(t);
  source.addImage('a:1', image);
  await arena.pull(source, 'a:1');
  const registry = await LoopbackRegistry.start(t);
  const elsewhere = await startStranger(t);
  const tokens = await TokenServer.start(t, account);
  tokens.guard(registry);
  registry.behaviours.push(({ method }, response) => {
    if (method !== 'POST') return false;
    response.writeHead(202, { location: `http://${elsewhere.host}/upload?signature=x` }).end();
    return true;
  });
  elsewhere.behaviours.push(({ method, body, query }, response) => {
    if (method !== 'PUT') return false;
    assert.equal(query.get('signature'), 'x');
    registry.blobs.set(sha256(body), body);
    response.writeHead(201).end();
    return true;
  });
  const reference = `${registry.host}/b:1`;
  await arena.helper.request(protocol.PushImage, { name: 'attack', reference, credentials: canary });
  assert.ok(elsewhere.asked(/PUT/).length >= 3);
  assert.deepEqual(
    elsewhere.seen.filter(({ authorization }) => authorization !== undefined),
    [],
  );
  await arena.helper.request(protocol.RemoveImage, { name: 'attack' });
});

test('what fails tells nobody the password', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const tokens = await TokenServer.start(t, 'me:other');
  tokens.guard(registry);
  const error = await arena.pull(registry, 'a:1').then(
    () => assert.fail('it succeeded'),
    (reason: protocol.TerrariumError) => reason,
  );
  assert.equal(error.code, ErrorCode.Unauthorized);
  const said = `${error.message} ${JSON.stringify(error.data)} ${error.stack}`;
  assert.doesNotMatch(said, new RegExp(`${canary.password}|${Buffer.from(account).toString('base64')}`));
});

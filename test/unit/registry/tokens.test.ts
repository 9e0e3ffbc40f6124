import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import * as path from 'node:path';
import { test } from 'node:test';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { downloadBlob } from '../../../helper/registry/download.js';
import { fetchDocument } from '../../../helper/registry/manifest.js';
import { listPlatforms } from '../../../helper/registry/pull.js';
import { fail, LoopbackRegistry } from '../../kernel/registry/loopbackRegistry.js';
import { TokenServer } from '../../kernel/registry/tokens.js';
import { impatient, inSession, temporaryFolder } from './bed.js';

const credentials = { username: 'me', password: 'pass:word' };
const account = 'me:pass:word';
const image = [[{ name: 'etc/', type: '5' }]];

test('a token is asked for without an account when nobody has one, in both forms of the answer', async (t) => {
  for (const field of ['token', 'access_token'] as const) {
    const registry = await LoopbackRegistry.start(t);
    registry.addImage('a/b:1', image);
    const tokens = await TokenServer.start(t);
    tokens.field = field;
    tokens.guard(registry);
    const reference = `${registry.host}/a/b:1`;
    assert.equal((await listPlatforms({ reference }, impatient(t), new AbortController().signal)).length, 1);
    const [asked, ...more] = tokens.asked;
    assert.deepEqual(more, [], 'one token for all');
    assert.equal(asked?.authorization, undefined);
    assert.equal(asked?.query.get('service'), 'test');
    assert.deepEqual(asked?.query.getAll('scope'), ['repository:a/b:pull']);
  }
});

test('an account gets a token; its password goes to the token server only', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.addImage('a/b:1', image);
  const tokens = await TokenServer.start(t, account);
  tokens.guard(registry);
  const reference = `${registry.host}/a/b:1`;
  await inSession(t, { reference, credentials }, fetchDocument);
  assert.equal(tokens.asked[0]?.authorization, `Basic ${Buffer.from(account).toString('base64')}`);
  assert.equal(tokens.asked[0]?.query.get('account'), 'me');
  assert.deepEqual(
    registry.asked(/manifests/).map(({ authorization }) => authorization),
    [undefined, 'Bearer token-1'],
  );
  const refused = inSession(t, { reference, credentials: { ...credentials, password: 'wrong' } }, fetchDocument);
  await assert.rejects(refused, { code: ErrorCode.Unauthorized, message: /does not let this account/ });
  await assert.rejects(inSession(t, { reference }, fetchDocument), {
    code: ErrorCode.Unauthorized,
    message: /does not let everybody/,
  });
});

test('Basic is answered with the account that docker login has kept, and with none it is asked for', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.addImage('a/b:1', image);
  const expected = `Basic ${Buffer.from(account).toString('base64')}`;
  registry.behaviours.push(({ authorization, path: asked }, response) => {
    if (asked === '/v2/' || authorization === expected) return false;
    fail(response, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="test"' });
    return true;
  });
  const reference = `${registry.host}/a/b:1`;
  const environment = impatient(t);
  await assert.rejects(inSession(t, { reference }, fetchDocument, { environment }), {
    code: ErrorCode.Unauthorized,
    message: /wants user name and password/,
  });
  await mkdir(path.join(environment.home, '.docker'));
  const auths = { [registry.host]: { auth: Buffer.from(account).toString('base64') } };
  writeFileSync(path.join(environment.home, '.docker/config.json'), JSON.stringify({ auths }));
  await inSession(t, { reference }, fetchDocument, { environment });
  const wrong = inSession(t, { reference, credentials: { ...credentials, password: 'x' } }, fetchDocument);
  await assert.rejects(wrong, { code: ErrorCode.Unauthorized, message: /gives no access to/ });
});

test('a registry is the same however its name is written', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.addImage('a/b:1', image);
  const tokens = await TokenServer.start(t, account);
  tokens.guard(registry);
  tokens.realm = tokens.realm.replace('127.0.0.1', 'localhost');
  const reference = `LocalHost:${registry.host.split(':')[1]}/a/b:1`;
  await inSession(t, { reference, credentials }, fetchDocument);
  assert.equal(tokens.asked.length, 1);
});

test('what could not be asked for an account is told when access is refused', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const tokens = await TokenServer.start(t, account);
  tokens.guard(registry);
  const environment = impatient(t, { PATH: '/nonexistent' });
  await mkdir(path.join(environment.home, '.docker'));
  writeFileSync(path.join(environment.home, '.docker/config.json'), '{"credsStore": "desktop"}');
  const refused = inSession(t, { reference: `${registry.host}/a/b:1` }, fetchDocument, { environment });
  await assert.rejects(refused, (error: { code: number; data: { cause: string } }) => {
    assert.equal(error.code, ErrorCode.Unauthorized);
    assert.match(error.data.cause, /docker-credential-desktop is not installed/);
    return true;
  });
});

test('an identity token is exchanged for one, and never sent in the address', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.addImage('a/b:1', image);
  const form: string[] = [];
  registry.behaviours.push(({ authorization, path: asked, body, method, query }, response) => {
    if (asked === '/token') {
      assert.deepEqual([method, authorization, [...query].length], ['POST', undefined, 0]);
      form.push(body.toString());
      response.end(JSON.stringify({ access_token: 'fresh' }));
      return true;
    }
    if (asked === '/v2/' || authorization === 'Bearer fresh') return false;
    const challenge = `Bearer realm="http://${registry.host}/token",service="azure"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return true;
  });
  const environment = impatient(t);
  await mkdir(path.join(environment.home, '.docker'));
  const auths = { [registry.host]: { identitytoken: 'refresh/+me' } };
  writeFileSync(path.join(environment.home, '.docker/config.json'), JSON.stringify({ auths }));
  await inSession(t, { reference: `${registry.host}/a/b:1` }, fetchDocument, { environment });
  const sent = new URLSearchParams(form[0]);
  assert.deepEqual(
    [sent.get('grant_type'), sent.get('refresh_token'), sent.get('scope'), sent.get('service')],
    ['refresh_token', 'refresh/+me', 'repository:a/b:pull', 'azure'],
  );
});

test('tokens that end in the middle are renewed, once for all that wait', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const blobs = Array.from({ length: 6 }, (_, index) => registry.addBlob('x', Buffer.from(`blob ${index}`)));
  const tokens = await TokenServer.start(t);
  tokens.uses = 2;
  tokens.guard(registry);
  const folder = temporaryFolder(t);
  await inSession(t, { reference: `${registry.host}/a/b:1` }, async (session) => {
    for (const blob of blobs) await downloadBlob(session, blob, path.join(folder, 'x'), () => undefined);
  });
  assert.equal(tokens.asked.length, 3);
  tokens.uses = Number.POSITIVE_INFINITY;
  tokens.asked.length = 0;
  await inSession(t, { reference: `${registry.host}/a/b:1` }, async (session) => {
    await Promise.all(
      blobs.map((blob, at) => downloadBlob(session, blob, path.join(folder, `${at}`), () => undefined)),
    );
  });
  assert.equal(tokens.asked.length, 1);
});

test('a token that is known to have ended is not sent', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.addImage('a/b:1', image);
  const tokens = await TokenServer.start(t);
  tokens.expiresIn = 0;
  tokens.guard(registry);
  await inSession(t, { reference: `${registry.host}/a/b:1` }, async (session) => {
    await fetchDocument(session);
    await fetchDocument(session);
  });
  const sent = registry.asked(/manifests/).map(({ authorization }) => authorization);
  assert.deepEqual(sent, [undefined, 'Bearer token-1', 'Bearer token-2']);
});

test('a registry that refuses every token, and ways that are not known, end', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const tokens = await TokenServer.start(t);
  tokens.uses = 0;
  tokens.guard(registry);
  const reference = `${registry.host}/a/b:1`;
  await assert.rejects(inSession(t, { reference }, fetchDocument), { code: ErrorCode.Unauthorized });
  assert.equal(tokens.asked.length, 1);

  const other = await LoopbackRegistry.start(t);
  other.behaviours.push((_request, response) => {
    response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end();
    return true;
  });
  await assert.rejects(inSession(t, { reference: `${other.host}/a/b:1`, credentials }, fetchDocument), {
    code: ErrorCode.Unauthorized,
    message: /not known here/,
  });
});

test('a token that could be more than a token is none', async (t) => {
  for (const token of ['a b', 'a\r\nX-Header: y', '', 'é']) {
    const registry = await LoopbackRegistry.start(t);
    registry.behaviours.push(({ path: asked }, response) => {
      if (asked === '/v2/') return false;
      const challenge = `Bearer realm="http://${registry.host}/token"`;
      if (asked === '/token') response.end(JSON.stringify({ token }));
      else response.writeHead(401, { 'www-authenticate': challenge }).end();
      return true;
    });
    const work = inSession(t, { reference: `${registry.host}/a/b:1` }, fetchDocument);
    await assert.rejects(work, { code: ErrorCode.Unavailable, message: /gave no token/ }, JSON.stringify(token));
  }
});

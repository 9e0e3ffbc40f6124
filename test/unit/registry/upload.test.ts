import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { mountableFrom } from '../../../helper/registry/push.js';
import { parseReference } from '../../../helper/registry/reference.js';
import { uploadBlob } from '../../../helper/registry/upload.js';
import { LoopbackRegistry, sha256 } from '../../kernel/registry/loopbackRegistry.js';
import { inSession, temporaryFolder } from './bed.js';

const content = Buffer.alloc(3 * 1024 * 1024 + 17, 'a blob of three chunks and a bit ');
const digest = sha256(content);

async function upload(
  t: TestContext,
  registry: LoopbackRegistry,
  { mountFrom, signal }: { mountFrom?: string; signal?: AbortSignal } = {},
): Promise<number[]> {
  const name = path.join(temporaryFolder(t), 'blob');
  writeFileSync(name, content);
  const file = await open(name);
  const reports: number[] = [];
  try {
    await inSession(
      t,
      { reference: `${registry.host}/a/b` },
      (session) =>
        uploadBlob(session, {
          descriptor: { digest, size: content.length },
          file,
          mountFrom,
          report: (done) => void reports.push(done),
        }),
      { access: 'pull,push', ...(signal && { signal }) },
    );
  } finally {
    await file.close();
  }
  return reports;
}

const methods = (registry: LoopbackRegistry) => registry.seen.map(({ method }) => method);

test('a blob that the registry lacks is sent as a whole', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  assert.equal((await upload(t, registry)).at(-1), content.length);
  assert.ok(registry.blobs.get(digest)?.equals(content));
  assert.deepEqual(methods(registry), ['HEAD', 'POST', 'PUT']);
  assert.equal(registry.seen.at(-1)?.query.get('state'), '0', 'what the location says is kept');
});

test('one that it has is not sent, and one that it has elsewhere is mounted', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.addBlob('x', content);
  await upload(t, registry);
  assert.deepEqual(methods(registry), ['HEAD']);

  const other = await LoopbackRegistry.start(t);
  other.behaviours.push(({ query }, response) => {
    if (query.get('mount') !== digest || query.get('from') !== 'c/d') return false;
    response.writeHead(201).end();
    return true;
  });
  await upload(t, other, { mountFrom: 'c/d' });
  assert.deepEqual(methods(other), ['HEAD', 'POST']);

  // Where nothing may be read from there, it is sent.
  const closed = await LoopbackRegistry.start(t);
  closed.behaviours.push(({ query }, response) => {
    if (query.get('mount') === null) return false;
    response.writeHead(403).end();
    return true;
  });
  await upload(t, closed, { mountFrom: 'c/d' });
  assert.deepEqual(methods(closed), ['HEAD', 'POST', 'POST', 'PUT']);
  assert.equal(mountableFrom('host:5000/c/d:1', parseReference('host:5000/a/b')), 'c/d');
  for (const name of ['host:5000/a/b:1', 'other:5000/c/d:1', 'c/d', 'Anything']) {
    assert.equal(mountableFrom(name, parseReference('host:5000/a/b')), undefined, name);
  }
});

test('chunks when the registry asks for them, as large as it says', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.behaviours.push(({ method, path: asked }, response) => {
    if (method === 'POST') response.setHeader('oci-chunk-min-length', String(9 * 1024 * 1024));
    return asked === '';
  });
  await upload(t, registry);
  assert.deepEqual(methods(registry), ['HEAD', 'POST', 'PATCH', 'PUT']);
  assert.ok(registry.blobs.get(digest)?.equals(content));
});

/** As a proxy with a limit for bodies. */
function refuseLarge(registry: LoopbackRegistry): void {
  registry.behaviours.push(({ body }, response) => {
    if (body.length <= 1024 * 1024) return false;
    response.writeHead(413).end();
    return true;
  });
}

test('chunks when it is too much as a whole; one that was cut goes on where it arrived', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  refuseLarge(registry);
  let patches = 0;
  registry.behaviours.push(({ method, path: asked, body }, response) => {
    if (method !== 'PATCH' || patches++ !== 1) return false;
    // It took a part of the chunk, and died.
    const id = asked.split('/').at(-1) ?? '';
    registry.uploads.set(id, Buffer.concat([registry.uploads.get(id) ?? Buffer.alloc(0), body.subarray(0, 1000)]));
    response.destroy();
    return true;
  });
  await upload(t, registry);
  assert.ok(registry.blobs.get(digest)?.equals(content));
  assert.deepEqual(methods(registry), ['HEAD', 'POST', 'PUT', 'PATCH', 'PATCH', 'GET', 'PATCH', 'PATCH', 'PUT']);
});

test('a registry that is busy is tried again from the start', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  let puts = 0;
  registry.behaviours.push(({ method }, response) => {
    if (method !== 'PUT' || puts++ > 0) return false;
    response.writeHead(503).end();
    return true;
  });
  await upload(t, registry);
  assert.deepEqual(methods(registry), ['HEAD', 'POST', 'PUT', 'DELETE', 'POST', 'PUT']);
  assert.equal(registry.uploads.size, 0);
});

test('a digest that the registry does not agree with is a failure, and the upload is taken back', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.behaviours.push(({ method }, response) => {
    if (method !== 'PUT') return false;
    response.writeHead(400, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code: 'DIGEST_INVALID', message: 'no' }] }));
    return true;
  });
  await assert.rejects(upload(t, registry), (error: { code: number; data: { cause: string } }) => {
    assert.equal(error.code, ErrorCode.Unavailable);
    assert.match(error.data.cause, /DIGEST_INVALID/);
    return true;
  });
  assert.equal(registry.uploads.size, 0);
});

test('a cancel takes the upload back', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const abort = new AbortController();
  registry.behaviours.push(({ method }) => {
    if (method === 'PUT') abort.abort();
    return method === 'PUT';
  });
  await assert.rejects(upload(t, registry, { signal: abort.signal }), { code: -32800 });
  assert.equal(registry.uploads.size, 0);
  assert.equal(methods(registry).at(-1), 'DELETE');
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { fail, LoopbackRegistry, sha256, types } from '../../kernel/registry/loopbackRegistry.js';
import { Arena } from './arena.js';

const arena = new Arena();
const { ErrorCode } = protocol;
const image = [[{ name: 'etc/', type: '5' }], [{ name: 'etc/file', content: 'x'.repeat(100_000) }]];
const here = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };

interface Manifest {
  config: { digest: string; size: number; mediaType: string };
  layers: { digest: string; size: number; mediaType: string }[];
}

/** A registry with an image whose manifest is another one after `change`. */
async function changed(t: Parameters<typeof LoopbackRegistry.start>[0], change: (manifest: Manifest) => unknown) {
  const registry = await LoopbackRegistry.start(t);
  const { manifest } = registry.addImage('a:1', image);
  const content = JSON.parse(manifest.toString()) as Manifest;
  const result = change(content) ?? content;
  registry.addManifest('a:1', types.manifest, Buffer.from(JSON.stringify(result)));
  return registry;
}

test('content that is not what its digest says is refused: manifest, configuration, layer', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const { manifest, digest, layers } = registry.addImage('a:1', image);
  const forged = Buffer.from(manifest.toString().replace('"schemaVersion"', '"schemaversion":1,"schemaVersion"'));
  registry.manifests.set(`a@${digest}`, { mediaType: types.manifest, bytes: forged });
  await arena.refuses(registry, `a@${digest}`, { code: ErrorCode.BadInput, message: /another manifest/ });
  registry.behaviours.push(({ path: asked }, response) => {
    if (!asked.includes('/manifests/')) return false;
    response.writeHead(200, { 'content-type': types.manifest, 'docker-content-digest': digest }).end(forged);
    return true;
  });
  await arena.refuses(registry, 'a:1', { code: ErrorCode.BadInput, message: /another manifest/ });
  registry.behaviours.length = 0;

  const content = JSON.parse(manifest.toString()) as Manifest;
  for (const { digest: wrong } of [content.config, ...layers]) {
    const right = registry.blobs.get(wrong) ?? Buffer.alloc(0);
    const same = Buffer.from(right);
    same[right.length - 9] = (same[right.length - 9] ?? 0) ^ 1;
    registry.blobs.set(wrong, same);
    await arena.refuses(registry, 'a:1', { code: ErrorCode.BadInput, message: /./ });
    registry.blobs.set(wrong, right);
  }
  await arena.pull(registry, 'a:1');
  await arena.helper.request(protocol.RemoveImage, { name: 'attack' });
});

test('sizes that are not right are refused: too small, too large, huge', async (t) => {
  for (const by of [-1, 1, 2 ** 40]) {
    const layer = await changed(t, ({ layers }) => {
      for (const one of layers) one.size += by;
    });
    await arena.refuses(layer, 'a:1', { code: ErrorCode.BadInput, message: /another layer|room|damaged/ });
    const config = await changed(t, (manifest) => {
      manifest.config.size += by;
    });
    await arena.refuses(config, 'a:1', { code: ErrorCode.BadInput, message: /another layer|damaged|too large/ });
  }
});

test('a digest is no path, whatever it looks like', async (t) => {
  const digests = [
    'sha256:../../../../etc/passwd',
    '../x',
    `sha512:${'a'.repeat(128)}`,
    `sha256:${'a'.repeat(63)}/`,
    '',
  ];
  for (const digest of digests) {
    for (const part of ['config', 'layer'] as const) {
      const registry = await changed(t, ({ config, layers }) => {
        for (const one of part === 'config' ? [config] : layers) one.digest = digest;
      });
      registry.seen.length = 0;
      await arena.refuses(registry, 'a:1', { code: ErrorCode.BadInput, message: /./ });
      assert.deepEqual(registry.asked(/blobs/), [], 'nothing was asked for by it');
    }
  }
});

test('what is no image, or two things at once, is refused with a reason', async (t) => {
  const index = { schemaVersion: 2, mediaType: types.index, manifests: [] };
  const refused: [unknown, RegExp][] = [
    [{ schemaVersion: 1, name: 'a', fsLayers: [], history: [] }, /schema 1/],
    [index, /another type|no image for/],
    [{ mediaType: types.manifest, schemaVersion: 2, manifests: [], layers: [], config: {} }, /ambiguous/],
    [[], /no manifest/],
    ['text', /no manifest/],
    [{ schemaVersion: 2, mediaType: types.manifest }, /./],
  ];
  for (const [content, message] of refused) {
    const registry = await changed(t, () => content);
    await arena.refuses(registry, 'a:1', { code: ErrorCode.BadInput, message });
  }
  const chart = await changed(t, ({ config }) => {
    config.mediaType = 'application/vnd.cncf.helm.config.v1+json';
  });
  await arena.refuses(chart, 'a:1', { code: ErrorCode.BadInput, message: /no container image/ });
  const unknown = await changed(t, ({ layers }) => {
    for (const layer of layers) layer.mediaType = 'application/vnd.example.squashfs';
  });
  await arena.refuses(unknown, 'a:1', { code: ErrorCode.BadInput, message: /type that cannot be used/ });
});

test('an index cannot lead in a circle, nor to something else than it says', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const { manifest } = registry.addImage('a:1', image);
  const lead = (digest: string, size: number) => {
    const manifests = [{ mediaType: types.manifest, digest, size, platform: here }];
    return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests }));
  };
  const inner = lead(sha256(manifest), manifest.length);
  registry.addManifest('inner:1', types.index, inner);
  registry.manifests.set(`a@${sha256(inner)}`, { mediaType: types.index, bytes: inner });
  registry.addManifest('a:2', types.index, lead(sha256(inner), inner.length));
  await arena.refuses(registry, 'a:2', { code: ErrorCode.BadInput, message: /another index/ });
  registry.addManifest('a:3', types.index, lead(sha256(manifest), manifest.length + 1));
  await arena.refuses(registry, 'a:3', { code: ErrorCode.BadInput, message: /another manifest/ });
});

function residentKilobytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

test('documents without end are not read to their end', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.addImage('a:1', image);
  let sent = 0;
  const flood = (response: Parameters<(typeof registry.behaviours)[0]>[1], mediaType: string) => {
    response.writeHead(200, { 'content-type': mediaType });
    const piece = Buffer.alloc(1024 * 1024, ' ');
    const more = () => {
      while (!response.destroyed && sent < 500) {
        sent++;
        if (!response.write(piece)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
    return true;
  };
  const before = residentKilobytes(arena.helper.child.pid ?? 0);
  const attacks: [RegExp, string, RegExp][] = [
    [/\/manifests\//, types.manifest, /too large/],
    [/\/blobs\//, 'application/octet-stream', /another layer/],
  ];
  for (const [where, mediaType, message] of attacks) {
    sent = 0;
    registry.behaviours[0] = ({ path: asked }, response) => where.test(asked) && flood(response, mediaType);
    await arena.refuses(registry, 'a:1', { code: ErrorCode.BadInput, message });
    assert.ok(sent < 100, `${sent} MiB were taken`);
  }
  registry.behaviours[0] = (_request, response) => {
    fail(response, 400, 'X'.repeat(10_000_000));
    return true;
  };
  await arena.refuses(registry, 'a:1', { code: ErrorCode.Unavailable, message: /status 400/ });
  const grown = residentKilobytes(arena.helper.child.pid ?? 0) - before;
  assert.ok(grown < 150 * 1024, `${grown} KiB`);
});

test('what a registry says of itself cannot forge a line or a terminal', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  registry.behaviours.push((_request, response) => {
    fail(response, 404, '\u001b[2Jall\nis\r\nwell\u0007');
    return true;
  });
  const error = await arena.pull(registry, 'a:1').then(
    () => assert.fail('it succeeded'),
    (reason: protocol.TerrariumError) => reason,
  );
  assert.doesNotMatch(`${error.message} ${error.data?.cause}`, /[\n\r]/);
});

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';
import { paxArchive } from '../image/rawTar.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { TestHelper } from '../support/helper.js';
import { packRoot } from '../support/root.js';
import { LayoutFolder, skopeo, startDockerRegistry, startRealTokens, unavailable } from './dockerRegistry.js';
import { LoopbackRegistry, types } from './loopbackRegistry.js';
import { TokenServer } from './tokens.js';

const bed = new Bed();
const { ErrorCode, ListPlatforms, PullImage, PushImage } = protocol;
const here = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };
const elsewhere = { os: 'linux', architecture: 'riscv64' };

/** A folder for one test, below the home. */
function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(bed.home.folder, 'registry-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The root of busybox, and a layer that adds, hides and replaces. */
function rootLayers(folder: string): Buffer[] {
  const change = paxArchive([
    { name: 'etc/', type: '5' },
    { name: 'etc/.wh.group', content: '' },
    { name: 'home/', type: '5' },
    { name: 'home/.wh..wh..opq', content: '' },
    { name: 'home/bob/', type: '5' },
    { name: 'etc/release', content: 'second\n' },
  ]);
  return [readFileSync(packRoot(bed.rootFolder, path.join(folder, 'root.tar'), 'plain')), change];
}

/** What a container on the image sees of what the second layer did. */
async function look(name: string): Promise<string> {
  const script = 'ls /etc /home; cat /etc/release; /bin/busybox | head -n 1 | cut -c -7';
  return await bed.shell(script, { root: { kind: 'image', name } });
}
const right = '/etc:\npasswd\nrelease\n\n/home:\nbob\nsecond\nBusyBox\n';

async function remove(...names: string[]): Promise<void> {
  for (const name of names) await bed.helper.request(protocol.RemoveImage, { name });
}

/** What unfinished pulls would leave. */
async function leftovers(): Promise<string[]> {
  const ingest = path.join(bed.home.data, 'images/ingest');
  return existsSync(ingest) ? readdirSync(ingest) : [];
}

test('what skopeo has pushed is pulled, in both formats, and what we push skopeo gets', async (t) => {
  const reason = unavailable();
  if (reason !== undefined) return t.skip(reason);
  const folder = makeFolder(t);
  const host = await startDockerRegistry(t, folder);
  const layout = new LayoutFolder(path.join(folder, 'layout'));
  const manifest = layout.image(rootLayers(folder), here);
  layout.name('v', manifest);
  for (const format of ['oci', 'v2s2']) {
    const target = `docker://${host}/team/app:${format}`;
    await skopeo('copy', '--dest-tls-verify=false', '--format', format, `oci:${layout.folder}:v`, target);
    const reference = `${host}/team/app:${format}`;
    assert.deepEqual(await bed.helper.request(ListPlatforms, { reference }), [here]);
    const image = await bed.helper.request(PullImage, { reference });
    assert.equal(image.name, reference);
    if (format === 'oci') assert.equal(image.digest, manifest.digest);
    assert.equal(await look(image.name), right);
  }
  const byDigest = `${host}/team/app@${manifest.digest}`;
  assert.equal((await bed.helper.request(PullImage, { reference: byDigest, name: 'pinned' })).digest, manifest.digest);

  for (const repository of ['team/app', 'mounted/app']) {
    const reference = `${host}/${repository}:pushed`;
    const pushed = await bed.helper.request(PushImage, { name: `${host}/team/app:oci`, reference });
    assert.equal(pushed.digest, manifest.digest);
    const out = path.join(folder, repository);
    mkdirSync(out, { recursive: true });
    await skopeo('copy', '--src-tls-verify=false', `docker://${reference}`, `dir:${out}`);
    const { layers } = JSON.parse(readFileSync(path.join(out, 'manifest.json'), 'utf8')) as {
      layers: { digest: string }[];
    };
    assert.equal(layers.length, 2);
    for (const { digest } of layers) assert.ok(existsSync(path.join(out, digest.slice('sha256:'.length))));
  }
  const bare = packRoot(bed.rootFolder, path.join(folder, 'bare.tar'), 'zstd');
  await bed.helper.request(protocol.ImportImage, { file: bare, name: 'bare' });
  const reference = `${host}/bare`;
  const { digest } = await bed.helper.request(PushImage, { name: 'bare', reference });
  assert.equal(JSON.parse(await skopeo('inspect', '--tls-verify=false', `docker://${reference}`)).Digest, digest);
  await remove('bare', 'pinned', `${host}/team/app:oci`, `${host}/team/app:v2s2`);
});

test('of an index the platform that is wanted is pulled', async (t) => {
  const reason = unavailable();
  if (reason !== undefined) return t.skip(reason);
  const folder = makeFolder(t);
  const host = await startDockerRegistry(t, folder);
  const layout = new LayoutFolder(path.join(folder, 'layout'));
  const other = layout.image([paxArchive([{ name: 'riscv', content: 'x' }])], elsewhere);
  const own = layout.image(rootLayers(folder), here);
  const manifests = [
    { ...other, platform: elsewhere },
    { ...own, platform: here },
  ];
  layout.name('v', layout.document(types.index, { manifests }));
  await skopeo('copy', '--all', '--dest-tls-verify=false', `oci:${layout.folder}:v`, `docker://${host}/multi:1`);
  const reference = `${host}/multi:1`;
  assert.deepEqual(await bed.helper.request(ListPlatforms, { reference }), [elsewhere, here]);
  const image = await bed.helper.request(PullImage, { reference });
  assert.equal(image.digest, own.digest);
  assert.equal(await look(image.name), right);
  const foreign = await bed.helper.request(PullImage, { reference, name: 'foreign', platform: elsewhere });
  assert.equal(foreign.digest, other.digest);
  const error = await fails(
    bed.helper.request(PullImage, { reference, name: 'none', platform: { os: 'linux', architecture: 's390x' } }),
    { code: ErrorCode.NotFound, message: /no image for linux\/s390x/, fix: /Choose/ },
  );
  assert.match(error.data?.cause ?? '', /linux\/riscv64, linux\/(amd|arm)64/);
  layout.name('bare', layout.document(types.index, { manifests: [own] }));
  await skopeo('copy', '--all', '--dest-tls-verify=false', `oci:${layout.folder}:bare`, `docker://${host}/multi:bare`);
  const bare = `${host}/multi:bare`;
  assert.deepEqual(await bed.helper.request(ListPlatforms, { reference: bare }), [here]);
  assert.equal((await bed.helper.request(PullImage, { reference: bare })).digest, own.digest);
  await fails(bed.helper.request(PullImage, { reference: `${host}/multi@${other.digest}`, name: 'none' }), {
    code: ErrorCode.NotFound,
    message: /no image for/,
  });
  await remove('foreign', image.name, bare);
});

test('a registry with tokens lets in who has the password, to pull and to push', async (t) => {
  const reason = unavailable();
  if (reason !== undefined) return t.skip(reason);
  const folder = makeFolder(t);
  const tokens = await startRealTokens(t, folder, 'me:secret');
  const host = await startDockerRegistry(t, folder, tokens.auth);
  const file = packRoot(bed.rootFolder, path.join(folder, 'root.tar'), 'gzip');
  const { digest } = await bed.helper.request(protocol.ImportImage, { file, name: 'private' });
  const reference = `${host}/private/app:1`;
  const push = { name: 'private', reference };
  await fails(bed.helper.request(PushImage, push), { code: ErrorCode.Unauthorized, message: /./, fix: /password/ });
  const wrong = { username: 'me', password: 'wrong' };
  await fails(bed.helper.request(PushImage, { ...push, credentials: wrong }), {
    code: ErrorCode.Unauthorized,
    message: /this account/,
  });
  const credentials = { username: 'me', password: 'secret' };
  assert.equal((await bed.helper.request(PushImage, { ...push, credentials })).digest, digest);
  await fails(bed.helper.request(PullImage, { reference }), { code: ErrorCode.Unauthorized, message: /./ });
  const pulled = await bed.helper.request(PullImage, { reference, credentials });
  assert.equal(pulled.digest, digest);

  // As docker login leaves it, with a helper that keeps the password.
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ credHelpers: { [host]: 'test' } }));
  writeFileSync(path.join(bin, 'docker-credential-test'), `#!/bin/sh\necho '{"Username":"me","Secret":"secret"}'\n`);
  chmodSync(path.join(bin, 'docker-credential-test'), 0o755);
  const variables = { DOCKER_CONFIG: folder, PATH: `${bin}:${process.env.PATH}` };
  const helper = await TestHelper.start({ ...bed.home, environment: { ...bed.home.environment, ...variables } });
  try {
    assert.equal((await helper.request(PullImage, { reference, name: 'kept' })).digest, digest);
  } finally {
    await helper.stop();
  }
  assert.equal(
    JSON.parse(await skopeo('inspect', '--tls-verify=false', '--creds', 'me:secret', `docker://${reference}`)).Digest,
    digest,
  );
  await remove('private', 'kept', reference);
});

test('a challenge of a real registry is answered without an account where that is enough', async (t) => {
  const reason = unavailable();
  if (reason !== undefined) return t.skip(reason);
  const folder = makeFolder(t);
  const tokens = await TokenServer.start(t);
  // It asks for a token, and takes any.
  const host = await startDockerRegistry(t, folder, [`auth: {silly: {realm: "${tokens.realm}", service: silly}}`]);
  const file = packRoot(bed.rootFolder, path.join(folder, 'root.tar'), 'gzip');
  await bed.helper.request(protocol.ImportImage, { file, name: 'open' });
  await bed.helper.request(PushImage, { name: 'open', reference: `${host}/open` });
  await bed.helper.request(PullImage, { reference: `${host}/open` });
  assert.deepEqual(
    tokens.asked.map(({ authorization, query }) => [authorization, query.get('service')]),
    [
      [undefined, 'silly'],
      [undefined, 'silly'],
    ],
  );
  await remove('open', `${host}/open:latest`);
});

test('a tag that has moved is pulled again; a name that was chosen is not taken from another image', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const reference = `${registry.host}/moving:1`;
  const first = registry.addImage('moving:1', [[{ name: 'etc/', type: '5' }]]);
  assert.equal((await bed.helper.request(PullImage, { reference })).digest, first.digest);
  registry.seen.length = 0;
  assert.equal((await bed.helper.request(PullImage, { reference })).digest, first.digest);
  assert.deepEqual(registry.asked(new RegExp(first.layers[0]?.digest ?? '')), [], 'the layer is here');
  const second = registry.addImage('moving:1', [[{ name: 'usr/', type: '5' }]]);
  assert.equal((await bed.helper.request(PullImage, { reference })).digest, second.digest);
  const named = (await bed.helper.ask(protocol.ListImages)).filter(({ name }) => name === reference);
  assert.deepEqual(
    named.map(({ digest }) => digest),
    [second.digest],
  );
  await bed.helper.request(PullImage, { reference, name: 'mine' });
  await fails(bed.helper.request(PullImage, { reference, name: 'mine' }), {
    code: ErrorCode.NameTaken,
    message: /mine/,
  });
  await remove('mine', reference);
});

/** An image of two layers that do not compress. */
function addLarge(registry: LoopbackRegistry) {
  const noise = (seed: number) =>
    Buffer.from(Uint32Array.from({ length: 500_000 }, (_, at) => Math.imul(at + seed, 2654435761) ^ (at << 7)).buffer);
  return registry.addImage('large:1', [
    [{ name: 'etc/noise', content: noise(1) }],
    [{ name: 'usr/noise', content: noise(2) }],
  ]);
}

test('a pull counts its bytes, survives cuts and tokens that end, and leaves nothing when it is cancelled', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const { layers } = addLarge(registry);
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  const tokens = await TokenServer.start(t, 'me:secret');
  tokens.uses = 2;
  tokens.guard(registry);
  let busy = 0;
  registry.behaviours.push(({ path: asked }, response) => {
    if (!asked.includes('/manifests/') || busy++ > 0) return false;
    response.writeHead(429, { 'retry-after': '1' }).end();
    return true;
  });
  let cuts = 0;
  let hold: (() => void) | undefined;
  registry.behaviours.push(({ path: asked, range }, response) => {
    const bytes = registry.blobs.get(asked.split('/').at(-1) ?? '');
    if (bytes === undefined || bytes.length < 100_000) return false;
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const head = {
      'content-length': bytes.length - start,
      'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
    };
    if (hold !== undefined) {
      // Half of it, and then nothing for as long as it is waited for.
      response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, bytes.length / 2), hold);
      return true;
    }
    if (cuts++ > 3) return false;
    response.writeHead(start > 0 ? 206 : 200, head);
    response.write(bytes.subarray(start, start + bytes.length / 3), () => response.socket?.end());
    return true;
  });
  const reference = `${registry.host}/large:1`;
  const params = { reference, credentials: { username: 'me', password: 'secret' }, progress: 'pull' };
  const seen: protocol.ImageProgress[] = [];
  const listener = bed.helper.connection.onProgress(
    protocol.ImageProgressType,
    'pull',
    (progress) => void seen.push(progress),
  );
  t.after(() => listener.dispose());

  const before = await bed.helper.ask(protocol.ListImages);
  const held = new Promise<void>((resolve) => {
    hold = resolve;
  });
  const cancel = new CancellationTokenSource();
  const cancelled = bed.helper.connection.sendRequest(PullImage, params, cancel.token);
  await held;
  cancel.cancel();
  await assert.rejects(cancelled, { code: -32800 });
  assert.deepEqual(await leftovers(), []);
  assert.deepEqual(await bed.helper.ask(protocol.ListImages), before);

  hold = undefined;
  busy = 0;
  seen.length = 0;
  const start = performance.now();
  await bed.helper.request(PullImage, params);
  assert.ok(busy > 1 && performance.now() - start >= 1000, 'it waited as long as it was asked to');
  assert.ok(cuts > 3 && registry.asked(/blobs/).some(({ range }) => range !== undefined), 'it went on after cuts');
  assert.ok(tokens.asked.length > 2, 'tokens ended on the way');
  const downloads = seen.filter(({ phase }) => phase === 'download');
  assert.ok(downloads.length > 1 && downloads.every(({ totalBytes }) => totalBytes === total));
  assert.ok(downloads.every(({ doneBytes }) => doneBytes <= total));
  assert.deepEqual(await leftovers(), []);

  // Back to another registry: as a whole, and when it is cancelled there is nothing there.
  const target = await LoopbackRegistry.start(t);
  const stop = new CancellationTokenSource();
  const beginning = new Promise<void>((resolve) => {
    target.behaviours.push(({ method }) => {
      if (method === 'PUT') resolve();
      return method === 'PUT';
    });
  });
  const push = { name: reference, reference: `${target.host}/copy:1`, progress: 'pull' };
  const stopped = bed.helper.connection.sendRequest(PushImage, push, stop.token);
  await beginning;
  stop.cancel();
  await assert.rejects(stopped, { code: -32800 });
  assert.deepEqual([target.uploads.size, target.blobs.size, target.manifests.size], [0, 0, 0]);

  target.behaviours.length = 0;
  seen.length = 0;
  await bed.helper.request(PushImage, push);
  assert.ok(target.manifests.has('copy:1'));
  for (const { digest } of layers) assert.ok(target.blobs.has(digest));
  assert.ok(seen.length > 0 && seen.every(({ phase }) => phase === 'upload'));
  await remove(reference);
});

test('a registry that is not there, a tag that is not there, and names that are none', async () => {
  const pull = (reference: string) => bed.helper.request(PullImage, { reference });
  await fails(pull('127.0.0.1:1/a'), { code: ErrorCode.Unavailable, message: /127\.0\.0\.1:1/, fix: /host and port/ });
  await fails(pull('https://127.0.0.1/a'), { code: ErrorCode.Invalid, message: /leave out https/, fix: /NAME/ });
  await fails(pull('[::1]:5000/a'), { code: ErrorCode.Invalid, message: /cannot name an image/ });
  await fails(bed.helper.request(PushImage, { name: 'missing', reference: '127.0.0.1:1/a' }), {
    code: ErrorCode.NotFound,
    message: /missing/,
  });
});

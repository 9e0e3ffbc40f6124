import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { importArchive, inspectArchive } from '../../../helper/image/import/importer.js';
import { layerAgent } from '../../../helper/image/layerAgent.js';
import { ImageStore } from '../../../helper/image/store.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import type { ImageProgress, ImageSummary } from '../../../helper/protocol/images.js';
import { type Bed, describeStack, describeWhole, fingerprint, type Mapping, makeBed, run, unavailable } from './bed.js';
import {
  descriptor,
  digestOf,
  dockerEntries,
  entriesOf,
  indexType,
  layoutFiles,
  type MadeImage,
  makeImage,
  makeLayer,
  manifestType,
  writeFolder,
} from './imageFiles.js';
import { paxArchive } from './rawTar.js';

const importer = ({ store, agent }: Bed) => ({ store, agent: layerAgent(agent) });

function importFile(bed: Bed, file: string, name?: string, image?: string): Promise<ImageSummary> {
  return importArchive(importer(bed), { file, ...(name && { name }), ...(image && { image }) }, {});
}

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');

/** Two layers, of which the upper one hides, replaces and adds. */
function twoLayers(): MadeImage {
  const owner = { uid: 33, gid: 44 };
  return makeImage([
    makeLayer([
      { name: './', type: '5', mode: 0o711 },
      { name: 'etc/', type: '5' },
      { name: 'etc/passwd', content: 'root\n', mode: 0o644 },
      { name: 'etc/old', content: 'old' },
      { name: 'var/', type: '5' },
      { name: 'var/cache/', type: '5', ...owner },
      { name: 'var/cache/a', content: 'a' },
      { name: 'var/cache/deep/', type: '5' },
      { name: 'var/cache/deep/b', content: 'b' },
      { name: 'folder/', type: '5' },
      { name: 'folder/inside', content: 'x' },
      { name: 'bin/', type: '5' },
      { name: 'bin/tool', content: 'tool', mode: 0o4755, ...owner },
      { name: 'bin/link', type: '1', link: 'bin/tool' },
      { name: 'lib', type: '2', link: 'usr/lib' },
      // cap_net_raw=ep, as vfs_cap_data of revision 2.
      { name: 'bin/ping', content: 'ping', pax: { 'SCHILY.xattr.security.capability': capability } },
      { name: 'x', content: 'long', pax: { path: `etc/${'n'.repeat(255)}` } },
      { name: 'etc/F\u0151tan\u00fas\u00edtv\u00e1ny.crt', content: 'utf-8' },
      { name: Buffer.from('etc/latin-\xe9', 'latin1'), content: 'latin-1' },
    ]),
    makeLayer([
      { name: './', type: '5', mode: 0o711 },
      { name: 'etc/', type: '5', mode: 0o700 },
      { name: 'etc/.wh.old' },
      { name: 'etc/new', content: 'new', pax: { 'SCHILY.xattr.user.note': 'kept' } },
      { name: 'var/', type: '5' },
      { name: 'var/cache/', type: '5' },
      // Before and after it what the folder now has: it hides only what lies below.
      { name: 'var/cache/c', content: 'c' },
      { name: 'var/cache/.wh..wh..opq' },
      { name: 'var/cache/deep/', type: '5' },
      { name: 'folder', content: 'now a file' },
      { name: 'bin/', type: '5' },
      { name: 'bin/link', content: 'on its own' },
      { name: 'bin/first', content: 'one file' },
      { name: 'bin/second', type: '1', link: 'bin/first' },
    ]),
  ]);
}

function mappingOf(t: TestContext): 'single' | 'range' | undefined {
  if (!unavailable('range')) return 'range';
  const reason = unavailable('single');
  if (!reason) return 'single';
  t.skip(reason);
  return undefined;
}

/** What umoci makes of an image of a layout. */
function umoci(bed: Bed, mapping: Mapping, layout: string, tag: string): string[] {
  const bundle = path.join(bed.work, `umoci-${tag}`);
  const rootless = mapping === 'range' ? [] : ['--rootless'];
  run(mapping, ['umoci', 'unpack', ...rootless, '--image', `${layout}:${tag}`, bundle]);
  return describeWhole(mapping, path.join(bundle, 'rootfs'));
}

test('the same image, in every shape it travels in, has the tree that umoci makes of it', async (t) => {
  const mapping = mappingOf(t);
  if (!mapping) return;
  if (spawnSync('umoci', ['--version']).status !== 0) return t.skip('umoci is not installed');
  const bed = makeBed(t, mapping);
  const image = twoLayers();
  const layout = path.join(bed.work, 'layout');
  writeFolder(layout, layoutFiles({ app: image }));
  const oci = path.join(bed.work, 'oci.tar');
  writeFileSync(oci, paxArchive(entriesOf(layoutFiles({ app: image }))));
  const docker = path.join(bed.work, 'docker.tar');
  writeFileSync(docker, paxArchive(dockerEntries([{ image, tags: ['app:1'] }])));
  const shapes: [kind: string, file: string][] = [
    ['oci-layout', layout],
    ['oci-archive', oci],
    ['docker-archive', docker],
  ];
  for (const [command, ending] of [
    ['gzip', 'gz'],
    ['zstd', 'zst'],
    ['xz -0', 'xz'],
    ['bzip2', 'bz2'],
  ]) {
    for (const [kind, file] of shapes.slice(1, 3)) {
      const packed = `${file}.${ending}`;
      run('direct', ['sh', '-c', `${command} < "$1" > "$2"`, 'sh', file, packed]);
      shapes.push([kind, packed]);
    }
  }
  const wanted = umoci(bed, mapping, layout, 'app');
  assert.ok(wanted.length > 20 && wanted.some((line) => line.includes('var/cache/c')), 'there is something to compare');
  for (const [index, [kind, file]] of shapes.entries()) {
    const content = await inspectArchive(importer(bed), file, {});
    assert.equal(content.kind, kind, file);
    assert.equal(content.images.length, 1);
    assert.equal(content.images[0]?.layers, 2);
    const name = `image${index}`;
    await importFile(bed, file, name);
    const { layers } = await bed.store.resolve(name);
    assert.deepEqual(describeStack(mapping, layers, path.join(bed.work, 'empty')), wanted, file);
  }
  assert.equal(readdirSync(path.join(bed.images, 'layers')).length, 2, 'both layers were unpacked once');
  assert.deepEqual(readdirSync(path.join(bed.images, 'ingest')), []);
});

test('of an image that is here only what is new is unpacked', async (t) => {
  const bed = makeBed(t);
  const { layers } = twoLayers();
  const layout = path.join(bed.work, 'layout');
  const third = makeLayer([{ name: 'third', content: '3' }]);
  writeFolder(
    layout,
    layoutFiles({
      app: makeImage(layers),
      more: makeImage([...layers, third]),
      same: makeImage([...layers, ...layers]),
    }),
  );
  await importFile(bed, layout, undefined, 'app');
  const unpacked: string[] = [];
  const agent = layerAgent(bed.agent);
  const counting = {
    ...agent,
    unpack: (...args: Parameters<typeof agent.unpack>) => {
      unpacked.push(args[0].expected?.diffId ?? '');
      return agent.unpack(...args);
    },
  };
  const store = new ImageStore({ folder: bed.images, agent: counting, uses: async () => [] });
  await importArchive({ store, agent: counting }, { file: layout, image: 'more' }, {});
  assert.deepEqual(unpacked, [third.diffId]);
  // An image may have a layer twice; the kernel refuses to stack it twice.
  await importArchive({ store, agent: counting }, { file: layout, image: 'same' }, {});
  assert.deepEqual(unpacked, [third.diffId]);
  assert.equal((await store.resolve('same')).layers.length, 2);
  assert.deepEqual(
    (await store.list()).map(({ name }) => name),
    ['app', 'more', 'same'],
  );
  const details = await store.inspect('more');
  assert.deepEqual(
    details.layers.map((layer) => [layer.diffId, layer.createdBy, layer.sharedWith.join()]),
    [
      [layers[0]?.diffId, 'step 0', 'app,same'],
      [layers[1]?.diffId, 'step 1', 'app,same'],
      [third.diffId, 'step 2', ''],
    ],
  );
});

test('of several images one is chosen, by reference or digest; the platform only where nothing else differs', async (t) => {
  const bed = makeBed(t);
  const one = makeImage([makeLayer([{ name: 'one', content: '1' }])]);
  const two = makeImage([makeLayer([{ name: 'two', content: '2' }])]);
  const docker = path.join(bed.work, 'two.tar');
  writeFileSync(
    docker,
    paxArchive(
      dockerEntries([
        { image: one, tags: ['one:1', 'one:latest'] },
        { image: two, tags: ['registry.example/two:2'] },
      ]),
    ),
  );
  await bed.store.list();
  const before = fingerprint(bed.images);
  await assert.rejects(importFile(bed, docker), (error: { code: number; data: { cause: string } }) => {
    assert.equal(error.code, ErrorCode.Invalid);
    assert.match(error.data.cause, /one:1 .*one:latest .*registry\.example\/two:2/);
    return true;
  });
  await assert.rejects(importFile(bed, docker, undefined, 'three'), { code: ErrorCode.NotFound });
  assert.ok(fingerprint(bed.images) === before, 'nothing has changed');
  assert.equal((await importFile(bed, docker, undefined, 'registry.example/two:2')).name, 'registry.example/two:2');
  assert.equal((await importFile(bed, docker, 'by-digest', digestOf(one.config))).name, 'by-digest');

  const foreign = makeImage([makeLayer([{ name: 'foreign', content: 'x' }])], { architecture: 's390x' });
  const platforms = [foreign, one].map(({ manifest }) => descriptor(manifestType, manifest));
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: platforms }));
  const files = layoutFiles({ one, foreign }, [
    { ...descriptor(indexType, index), annotations: { 'io.containerd.image.name': 'docker.io/library/multi:1' } },
  ]);
  files.set(`blobs/sha256/${digestOf(index).slice(7)}`, index);
  const oci = path.join(bed.work, 'multi.tar');
  writeFileSync(oci, paxArchive(entriesOf(files)));
  const content = await inspectArchive(importer(bed), oci, {});
  assert.deepEqual(
    content.images.map(({ platform, reference }) => [platform?.architecture, reference]),
    [
      ['s390x', 'docker.io/library/multi:1'],
      [process.arch === 'x64' ? 'amd64' : process.arch, 'docker.io/library/multi:1'],
    ],
  );
  const chosen = await importFile(bed, oci);
  assert.deepEqual([chosen.name, chosen.digest], ['docker.io/library/multi:1', digestOf(one.manifest)]);
  await importFile(bed, oci, 'foreign', digestOf(foreign.manifest));
  assert.equal((await bed.store.inspect('foreign')).platform.architecture, 's390x');
});

test('images that lie are refused, and leave nothing', async (t) => {
  const bed = makeBed(t);
  await bed.store.list();
  const before = fingerprint(bed.images);
  const good = makeLayer([{ name: 'etc/', type: '5' }]);
  const other = makeLayer([{ name: 'usr/', type: '5' }]);
  const refuse = async (
    what: string,
    image: MadeImage,
    message: RegExp,
    change: (files: Map<string, Buffer>) => void = () => undefined,
  ) => {
    const files = layoutFiles({ app: image });
    change(files);
    const layout = path.join(bed.work, what.replaceAll(' ', '-'));
    writeFolder(layout, files);
    await assert.rejects(
      importFile(bed, layout, 'new'),
      (error: { code: number; message: string; data?: { cause?: string } }) => {
        assert.match(`${error.message} ${error.data?.cause}`, message, what);
        assert.equal(error.code, ErrorCode.BadInput, what);
        return true;
      },
    );
    assert.ok(fingerprint(bed.images) === before, `${what}: the store is as before`);
  };
  const blob = (digest: string) => `blobs/sha256/${digest.slice(7)}`;
  await refuse('another diffID', makeImage([{ ...good, diffId: other.diffId }]), /contradicts itself/);
  await refuse('too many diffIDs', makeImage([good], { diffIds: [good.diffId, other.diffId] }), /speaks of 2/);
  await refuse('other content', makeImage([good]), /does not match its digest/, (files) =>
    files.set(blob(good.digest), Buffer.from(good.blob).fill(0x2a, 9, 10)),
  );
  await refuse('another size', makeImage([good]), /has \d+ bytes, not \d+/, (files) =>
    files.set(blob(good.digest), Buffer.concat([good.blob, Buffer.from('x')])),
  );
  await refuse('no layer', makeImage([good]), /is missing/, (files) => files.delete(blob(good.digest)));
  await refuse(
    'a configuration that is none',
    { ...makeImage([good]), config: Buffer.from('{}') },
    /missing|holds no image/,
  );
  await refuse('a digest that is a path', makeImage([good]), /not a sha256 digest/, (files) => {
    const index = String(files.get('index.json')).replace(/sha256:[0-9a-f]{64}/, 'sha256:../../../../etc/passwd');
    files.set('index.json', Buffer.from(index));
  });
  const chart = Buffer.from(String(makeImage([good]).manifest).replace('vnd.oci.image.config', 'vnd.cncf.helm.config'));
  await refuse('a chart', { ...makeImage([good]), manifest: chart }, /holds no image/);
  // A layer that is here already under its diffID, with another blob that is something else.
  writeFolder(path.join(bed.work, 'first'), layoutFiles({ first: makeImage([good]) }));
  await importFile(bed, path.join(bed.work, 'first'));
  const liar = { ...other, diffId: good.diffId };
  writeFolder(path.join(bed.work, 'liar'), layoutFiles({ liar: makeImage([liar]) }));
  await assert.rejects(importFile(bed, path.join(bed.work, 'liar')), /contradicts itself/);
});

test('an archive of images that is cut off or damaged says so and leaves nothing', async (t) => {
  const bed = makeBed(t);
  await bed.store.list();
  const before = fingerprint(bed.images);
  const layer = makeLayer(
    [
      { name: 'etc/', type: '5' },
      { name: 'etc/text', content: 'text\n'.repeat(20_000) },
    ],
    false,
  );
  const file = path.join(bed.work, 'image.tar');
  writeFileSync(file, paxArchive(dockerEntries([{ image: makeImage([layer]), tags: ['a:1'] }])));
  run('direct', ['sh', '-c', 'gzip < "$1" > "$1.gz"', 'sh', file]);
  for (const ending of ['', '.gz']) {
    const bytes = readFileSync(`${file}${ending}`);
    for (const cut of [0.1, 0.5, 0.95]) {
      const damaged = path.join(bed.work, 'cut');
      writeFileSync(damaged, bytes.subarray(0, Math.floor(bytes.length * cut)));
      await assert.rejects(importFile(bed, damaged, 'new'), { code: ErrorCode.BadInput, message: /cut off/ });
    }
  }
  const cases: [string, string, RegExp][] = [
    ['manifest.json', '[', /not JSON/],
    ['manifest.json', '{}', /docker save/],
    ['manifest.json', '[{"Config":"../../etc/passwd","Layers":[]}]', /is missing/],
    ['manifest.json', '[{"Config":"c.json","Layers":["../x"]}]', /"c.json" is missing/],
    ['manifest.json', '[]', /holds no image/],
  ];
  for (const [name, content, message] of cases) {
    const damaged = path.join(bed.work, 'damaged');
    writeFileSync(damaged, paxArchive([{ name, content }]));
    await assert.rejects(
      importFile(bed, damaged, 'new'),
      (error: { code: number; message: string; data?: { cause?: string } }) => {
        assert.match(`${error.message} ${error.data?.cause}`, message);
        assert.equal(error.code, ErrorCode.BadInput);
        return true;
      },
    );
  }
  await assert.rejects(importFile(bed, bed.work, 'new'), /not an OCI layout/);
  assert.ok(fingerprint(bed.images) === before);
});

test('progress of an archive runs up to its layers, and a cancel midway leaves the store as it was', async (t) => {
  const bed = makeBed(t);
  await bed.store.list();
  const before = fingerprint(bed.images);
  const layers = Array.from({ length: 4 }, (_, index) =>
    makeLayer(
      Array.from({ length: 200 }, (_, file) => ({ name: `f${index}-${file}`, content: `${file}`.repeat(20_000) })),
      false,
    ),
  );
  const layout = path.join(bed.work, 'layout');
  writeFolder(layout, layoutFiles({ big: makeImage(layers) }));
  const abort = new AbortController();
  const cancelled = importArchive(
    importer(bed),
    { file: layout },
    {
      signal: abort.signal,
      onProgress: ({ entries }) => {
        if (entries > 100) abort.abort();
      },
    },
  );
  await assert.rejects(cancelled, { code: -32800 });
  assert.ok(fingerprint(bed.images) === before, 'nothing is left');
  const seen: ImageProgress[] = [];
  await importArchive(importer(bed), { file: layout }, { onProgress: (progress) => seen.push(progress) });
  const total = layers.reduce((sum, { blob }) => sum + blob.length, 0);
  assert.deepEqual(seen.at(-1), { ...seen.at(-1), phase: 'unpack', doneBytes: total, totalBytes: total, entries: 800 });
});

test('an image gets another name, or a second one', async (t) => {
  const bed = makeBed(t);
  const layout = path.join(bed.work, 'layout');
  mkdirSync(layout);
  writeFolder(layout, layoutFiles({ app: twoLayers(), other: makeImage([makeLayer([{ name: 'x', content: 'x' }])]) }));
  await importFile(bed, layout, undefined, 'app');
  await importFile(bed, layout, undefined, 'other');
  await assert.rejects(bed.store.rename('app', 'other'), { code: ErrorCode.NameTaken });
  await assert.rejects(bed.store.rename('none', 'new'), { code: ErrorCode.NotFound });
  await assert.rejects(bed.store.rename('app', '../x'), { code: ErrorCode.Invalid });
  assert.equal((await bed.store.rename('app', 'team/app:2')).name, 'team/app:2');
  await bed.store.rename('team/app:2', 'again', true);
  const names = () => bed.store.list().then((images) => images.map(({ name }) => name));
  assert.deepEqual(await names(), ['again', 'other', 'team/app:2']);
  assert.deepEqual(await bed.store.remove('again'), { images: ['again'], freedBytes: 0, kept: [] });
  assert.equal((await bed.store.resolve('team/app:2')).layers.length, 2);
});

test('what a layer brings and hides is listed folder by folder', async (t) => {
  const bed = makeBed(t);
  const layout = path.join(bed.work, 'layout');
  const image = twoLayers();
  writeFolder(layout, layoutFiles({ app: image }));
  await importFile(bed, layout);
  const upper = image.layers[1]?.diffId ?? '';
  const list = async (folder: string) =>
    (await bed.store.layerEntries('app', upper, folder)).map(
      ({ path, kind, sizeBytes }) => `${kind} ${path} ${sizeBytes}`,
    );
  assert.deepEqual(await list('/'), ['directory /bin 0', 'directory /etc 0', 'file /folder 10', 'directory /var 0']);
  assert.deepEqual(await list('/etc'), ['file /etc/new 3', 'hidden /etc/old 0']);
  assert.deepEqual(await list('/var/'), ['opaque /var/cache 0']);
  await assert.rejects(list('/nowhere'), { code: ErrorCode.BadInput });
  await assert.rejects(bed.store.layerEntries('app', `sha256:${'0'.repeat(64)}`, '/'), { code: ErrorCode.BadInput });
});

test('pruning removes what no container uses, and what a killed helper left', async (t) => {
  const bed = makeBed(t);
  const layout = path.join(bed.work, 'layout');
  const { layers } = twoLayers();
  writeFolder(layout, layoutFiles({ app: makeImage(layers), base: makeImage(layers.slice(0, 1)) }));
  const uses: { container: string; layers: string[]; imageDigest: string }[] = [];
  const store = new ImageStore({ folder: bed.images, agent: layerAgent(bed.agent), uses: async () => uses });
  const base = await importArchive({ store, agent: layerAgent(bed.agent) }, { file: layout, image: 'base' }, {});
  await importArchive({ store, agent: layerAgent(bed.agent) }, { file: layout, image: 'app' }, {});
  uses.push({ container: 'box', layers: (await store.resolve('base')).layers, imageDigest: base.digest });
  mkdirSync(path.join(bed.images, 'ingest/dead'));
  writeFileSync(path.join(bed.images, 'ingest/dead/blob'), Buffer.alloc(100_000));
  const before = fingerprint(bed.images);
  const nothing = await store.prune({ preview: true });
  assert.deepEqual([nothing.images, nothing.kept], [[], []]);
  assert.ok(nothing.freedBytes >= 100_000);
  const preview = await store.prune({ all: true, preview: true });
  assert.deepEqual(preview.images, ['app']);
  assert.deepEqual(preview.kept, [{ name: 'base', why: 'The container "box" was made from it.' }]);
  assert.ok(preview.freedBytes > nothing.freedBytes);
  assert.ok(fingerprint(bed.images) === before, 'previews remove nothing');
  const { freedBytes, ...rest } = await store.prune({ all: true });
  assert.deepEqual(rest, { images: preview.images, kept: preview.kept });
  assert.ok(freedBytes >= preview.freedBytes);
  assert.deepEqual(readdirSync(path.join(bed.images, 'ingest')), []);
  assert.equal(readdirSync(path.join(bed.images, 'layers')).length, 1);
  assert.equal((await store.resolve('base')).layers.length, 1);
});

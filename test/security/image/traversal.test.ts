import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { paxArchive } from '../../kernel/image/rawTar.js';
import { attack, look, makeArena } from './arena.js';

const file = (tree: string | undefined, name: string) => readFileSync(path.join(tree ?? '', name), 'utf8');

test('names with .. are refused, in every place', async (t) => {
  for (const prefix of ['', './', 'etc/../', 'etc//./../']) {
    const arena = makeArena(t);
    await attack(
      arena,
      [
        { name: 'etc/', type: '5' },
        { name: 'x', pax: { path: `${prefix}${arena.up}/planted` }, content: 'x' },
      ],
      {
        refused: /leads out of the root/,
      },
    );
  }
});

test('a link to the outside, then a file through it', async (t) => {
  const arena = makeArena(t);
  // Inside the root .. of the root is the root: the file lands in a folder there, as in a container that runs.
  await attack(
    arena,
    [
      { name: 'outside/canary/', type: '5' },
      { name: 'link', type: '2', link: arena.up },
      { name: 'link/planted', content: 'x' },
    ],
    'contained',
  );
});

test('a chain of links, each of which stays inside', async (t) => {
  const arena = makeArena(t);
  await attack(
    arena,
    [
      { name: 'a/b/c/', type: '5' },
      { name: 'a/b/c/up', type: '2', link: '../../..' },
      { name: 'out', type: '2', link: `a/b/c/up/${arena.up}` },
      { name: 'outside/canary/', type: '5' },
      { name: 'out/planted', content: 'x' },
    ],
    'contained',
  );
});

test('a link as last component is replaced, not followed', async (t) => {
  const arena = makeArena(t);
  const tree = await attack(
    arena,
    [
      { name: 'link', type: '2', link: `${arena.up}/file` },
      { name: 'link', content: 'dead' },
    ],
    'contained',
  );
  assert.ok(lstatSync(path.join(tree ?? '', 'link')).isFile());
});

test('a folder over a link replaces it', async (t) => {
  const arena = makeArena(t);
  const tree = await attack(
    arena,
    [
      { name: 'a/', type: '5' },
      { name: 'a/file', content: 'x' },
      { name: 'link', type: '2', link: arena.up },
      { name: 'link/', type: '5', mode: 0o700 },
      { name: 'link/planted', content: 'x' },
    ],
    'contained',
  );
  assert.deepEqual(readdirSync(path.join(tree ?? '', 'link')), ['planted']);
});

test('a hard link to a link, then a file over it and its mode (hardlink, symlink, chmod)', async (t) => {
  const arena = makeArena(t);
  const tree = await attack(
    arena,
    [
      { name: 'link', type: '2', link: `${arena.up}/file` },
      { name: 'hard', type: '1', link: 'link' },
      { name: 'hard', content: 'dead', mode: 0o777 },
    ],
    'contained',
  );
  assert.ok(lstatSync(path.join(tree ?? '', 'link')).isSymbolicLink());
  assert.equal(file(tree, 'hard'), 'dead');
});

test('NUL in a name or a link', async (t) => {
  const arena = makeArena(t);
  await attack(
    arena,
    [{ name: 'x', pax: { path: `${arena.up}/planted\0.txt` }, content: 'x' }],
    { refused: /NUL byte/ },
    { reads: (name) => name.replace(/\0.*/s, '') },
  );
  const archive = path.join(arena.work, 'link.tar');
  writeFileSync(archive, paxArchive([{ name: 'x', type: '2', pax: { linkpath: 'a\0b' } }]));
  await assert.rejects(arena.store.import({ file: archive, name: 'link' }), /no valid target/);
});

test('a size in a pax header counts: what it covers is content, not entries', async (t) => {
  const arena = makeArena(t);
  const smuggled = paxArchive([{ name: 'smuggled', content: 'x' }]);
  const outer = { name: 'outer', content: smuggled, size: 0 };
  for (const [name, pax] of Object.entries({ honest: { size: String(smuggled.length) }, control: {} })) {
    const archive = path.join(arena.work, `${name}.tar`);
    writeFileSync(archive, paxArchive([{ ...outer, pax }]));
    await arena.store.import({ file: archive, name });
    const tree = (await arena.store.resolve(name)).layers[0] ?? '';
    assert.equal(existsSync(path.join(tree, 'smuggled')), name === 'control');
  }
});

test('whiteouts remove nothing, inside or outside', async (t) => {
  const arena = makeArena(t);
  const tree = await attack(
    arena,
    [
      { name: 'etc/keep', content: 'x' },
      { name: 'outside/canary/file', content: 'inside' },
      { name: 'link', type: '2', link: arena.up },
      { name: 'link/.wh.file' },
      { name: '.wh.etc' },
      { name: 'etc/.wh..wh..opq' },
    ],
    'contained',
    { whiteouts: true },
  );
  assert.equal(file(tree, 'etc/keep'), 'x');
  assert.equal(file(tree, 'outside/canary/file'), 'inside');
  assert.deepEqual(readdirSync(path.join(tree ?? '', 'etc')), ['keep']);
  const [image] = await arena.store.list();
  assert.match(image?.notes[0] ?? '', /^3 entries .*whiteouts/);
});

for (const name of ['.wh..', '.wh...', 'etc/.wh..', '.wh.']) {
  test(`the whiteout ${name} is refused`, async (t) => {
    const arena = makeArena(t);
    const archive = path.join(arena.work, 'whiteout.tar');
    writeFileSync(archive, paxArchive([{ name: 'etc/keep', content: 'x' }, { name }]));
    const before = look(arena);
    await assert.rejects(arena.store.import({ file: archive, name: 'whiteout' }), /hides no name/);
    assert.equal(look(arena), before);
    writeFileSync(archive, paxArchive([{ name: 'etc/keep', content: 'x' }, { name: `${name}x` }]));
    await arena.store.import({ file: archive, name: 'control' });
  });
}

test('removing an image follows no link out of it', async (t) => {
  const arena = makeArena(t);
  const archive = path.join(arena.work, 'links.tar');
  const before = look(arena);
  writeFileSync(
    archive,
    paxArchive([
      { name: 'folder', type: '2', link: path.join(arena.outside, 'canary') },
      { name: 'file', type: '2', link: path.join(arena.outside, 'canary/file') },
    ]),
  );
  await arena.store.import({ file: archive, name: 'links' });
  await arena.store.remove('links');
  assert.deepEqual(readdirSync(path.join(arena.images, 'layers')), []);
  assert.equal(look(arena), before);
});

test('a digest in the index that is a path is refused', async (t) => {
  const arena = makeArena(t);
  await arena.store.list();
  const index = path.join(arena.images, 'index.json');
  const descriptor = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    size: 2,
    digest: 'sha256:../../../outside/canary/file',
  };
  const annotations = { 'org.opencontainers.image.ref.name': 'evil' };
  writeFileSync(index, JSON.stringify({ schemaVersion: 2, manifests: [{ ...descriptor, annotations }] }));
  await assert.rejects(arena.store.resolve('evil'), /not a sha256 digest|store is damaged/);
  await assert.rejects(arena.store.remove('evil'), /store is damaged/);
});

test('nobody else can reach what is setuid in an image', async (t) => {
  const arena = makeArena(t);
  const archive = path.join(arena.work, 'setuid.tar');
  writeFileSync(archive, paxArchive([{ name: 'bin/su', mode: 0o4755, content: 'x' }]));
  await arena.store.import({ file: archive, name: 'setuid' });
  const tree = (await arena.store.resolve('setuid')).layers[0] ?? '';
  assert.equal(lstatSync(path.join(tree, 'bin/su')).mode & 0o7777, 0o4755, 'kept');
  assert.equal(lstatSync(arena.images).mode & 0o077, 0, 'behind a folder that is closed to others');
});

test('links already in the store do not lead an import elsewhere', async (t) => {
  const arena = makeArena(t);
  await arena.store.list();
  // Somebody's link where a layer would be put: a name in use, not a way.
  const archive = path.join(arena.work, 'a.tar');
  writeFileSync(archive, paxArchive([{ name: 'planted', content: 'x' }]));
  const before = look(arena);
  const { config } = await arena.store
    .import({ file: archive, name: 'first' })
    .then(() => arena.store.resolve('first'));
  await arena.store.remove('first');
  mkdirSync(path.join(arena.images, 'layers'), { recursive: true });
  symlinkSync(
    path.join(arena.outside, 'canary'),
    path.join(arena.images, 'layers', (config.rootfs.diff_ids[0] ?? '').slice(7)),
  );
  await assert.rejects(arena.store.import({ file: archive, name: 'second' }), /ENOTDIR/);
  assert.equal(look(arena), before);
});

/** Layers that try to hide, or to steer an overlay, more than they may. */
import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { importArchive } from '../../../helper/image/import/importer.js';
import { layerAgent } from '../../../helper/image/layerAgent.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { getXattr, listXattrs } from '../../../native/bindings/xattr.js';
import { layoutFiles, makeImage, makeLayer, writeFolder } from '../../kernel/image/imageFiles.js';
import { paxArchive, type RawEntry } from '../../kernel/image/rawTar.js';
import { applyNaively, importLayer, look, makeArena } from './arena.js';

async function refused(t: TestContext, entries: readonly RawEntry[], message: RegExp): Promise<void> {
  const arena = makeArena(t);
  const before = look(arena);
  await assert.rejects(importLayer(arena, entries), { code: ErrorCode.BadInput, message });
  assert.equal(look(arena), before);
  assert.deepEqual(readdirSync(path.join(arena.images, 'layers')), []);
  assert.deepEqual(readdirSync(path.join(arena.images, 'ingest')), []);
}

test('a whiteout through a link hides inside the root only', async (t) => {
  const arena = makeArena(t);
  const entries = [
    { name: 'outside/canary/', type: '5' },
    { name: 'link', type: '2', link: arena.up },
    { name: 'link/.wh.file' },
    { name: 'link/.wh..wh..opq' },
  ];
  const before = look(arena);
  const tree = await importLayer(arena, entries);
  assert.equal(look(arena), before, 'nothing outside was touched');
  const hidden = lstatSync(path.join(tree, 'outside/canary/file'));
  assert.ok(hidden.isCharacterDevice() && hidden.rdev === 0);
  assert.equal(String(getXattr(path.join(tree, 'outside/canary'), 'user.overlay.opaque')), 'y');
  applyNaively(arena, entries, { whiteouts: true });
  assert.notEqual(look(arena), before, 'control: applied naively, this layer does harm');
});

for (const name of ['.wh.', '.wh..', '.wh...', 'etc/.wh..', 'etc/.wh...', 'a/b/.wh.']) {
  test(`the whiteout ${name} of a layer is refused`, (t) =>
    refused(t, [{ name: 'etc/', type: '5' }, { name }], /hides no name/));
}

test('a whiteout is no folder', (t) => refused(t, [{ name: '.wh.etc/passwd', content: 'x' }], /lies in a whiteout/));

test('a whiteout with .. in it is refused', (t) =>
  refused(t, [{ name: 'etc/../../.wh.file' }], /leads out of the root/));

test('no attribute of an image steers an overlay', async (t) => {
  const arena = makeArena(t);
  const forged = [
    'opaque',
    'whiteout',
    'redirect',
    'metacopy',
    'origin',
    'impure',
    'nlink',
    'upper',
    'uuid',
    'protattr',
  ];
  const pax = Object.fromEntries(
    forged.flatMap((name) => ['user', 'trusted'].map((space) => [`SCHILY.xattr.${space}.overlay.${name}`, 'y'])),
  );
  const tree = await importLayer(arena, [
    { name: 'folder/', type: '5', pax },
    { name: 'file', content: 'x', pax: { ...pax, 'SCHILY.xattr.user.note': 'kept' } },
  ]);
  assert.deepEqual(listXattrs(path.join(tree, 'folder')), []);
  assert.deepEqual(listXattrs(path.join(tree, 'file')), ['user.note']);
  const [image] = await arena.store.list();
  assert.match(image?.notes.join() ?? '', /user\.overlay/);
});

test('a device 0:0 in an archive is no whiteout, nor are marks of aufs', async (t) => {
  const arena = makeArena(t);
  const tree = await importLayer(arena, [
    { name: 'etc/', type: '5' },
    { name: 'etc/passwd', type: '3' },
    { name: '.wh..wh.plnk/', type: '5' },
    { name: '.wh..wh.plnk/12.34', content: 'x' },
    { name: '.wh..wh.aufs', content: 'x' },
  ]);
  assert.deepEqual(readdirSync(tree), ['etc']);
  assert.deepEqual(readdirSync(path.join(tree, 'etc')), []);
});

test('labels and names that look like paths or options are only text', async (t) => {
  const arena = makeArena(t);
  const before = look(arena);
  const image = makeImage([makeLayer([{ name: 'file', content: 'x' }])], {
    config: { Labels: { 'org.opencontainers.image.ref.name': '../../outside' }, Env: ['PATH=/'] },
  });
  for (const name of ['../../outside/canary/planted', '--help', 'a\nb', '/etc/passwd', 'a'.repeat(300)]) {
    const layout = path.join(arena.work, 'named');
    writeFolder(layout, layoutFiles({ [name]: image }));
    const { name: given } = await importArchive(
      { store: arena.store, agent: layerAgent(arena.agent) },
      { file: layout },
      {},
    );
    assert.equal(given, 'named', 'such a reference is no name here: the folder gives it');
    await arena.store.remove(given);
  }
  assert.equal(look(arena), before);
  assert.equal(existsSync(path.join(arena.images, '../outside/planted')), false);
});

test('an archive of images leads nowhere by its links and names', async (t) => {
  const arena = makeArena(t);
  const secret = path.join(arena.outside, 'canary/file');
  const file = path.join(arena.work, 'evil.tar');
  const image = makeImage([makeLayer([{ name: 'file', content: 'x' }])]);
  for (const link of [secret, '../../../../../../..'.concat(secret), '/proc/self/environ']) {
    writeFileSync(
      file,
      paxArchive([
        { name: 'config.json', content: image.config },
        { name: 'layer.tar', type: '2', pax: { linkpath: link } },
        { name: 'manifest.json', content: JSON.stringify([{ Config: 'config.json', Layers: ['layer.tar'] }]) },
      ]),
    );
    await assert.rejects(
      importArchive({ store: arena.store, agent: layerAgent(arena.agent) }, { file, name: 'evil' }, {}),
      (error: { code: number; data: { cause: string } }) => {
        assert.equal(error.code, ErrorCode.BadInput);
        assert.match(error.data.cause, /"layer.tar" is missing/);
        return true;
      },
    );
  }
});
